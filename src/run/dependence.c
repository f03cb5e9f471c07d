/*-------------------------------------------------------------------------
 *
 * dependence.c
 *		Models whose orders depend on the session that refreshes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "miscadmin.h"
#include "read/query.h"
#include "run/dependence.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

void
rfm_dependence_report(const RfmModel *model, const RfmSource *source)
{
	RfmDependence depends = rfm_source_depends(model, source,
											   rfm_calendar_today(&source->calendar));
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));

	if (depends.row_security)
		ereport(NOTICE,
				(errmsg("row-level security is active on the source of model \"%s\"", model->name),
				 errdetail("Its orders are read as role %s, and policies determine which of them that role sees.%s", role,
						   depends.settings ? " They depend on settings of the session that refreshes." : ""),
				 errhint("To score all orders, give that role a policy: CREATE POLICY ... FOR SELECT TO %s USING (true). To score some, refresh with the same settings every time.",
						 role)));
	else if (depends.settings)
		ereport(NOTICE,
				(errmsg("which orders of model \"%s\" count depends on settings of the session that refreshes",
						model->name),
				 errdetail("Its source or an expression calls current_setting() or session_user."),
				 errhint("Refresh with the same settings every time; use ALTER ROLE ... SET for the role that a job runs as.")));
}

/*
 * Return the reason why another session may see other orders, or NULL if there
 * is none.
 */
static char *
reason_of(const RfmDependence *depends)
{
	if (depends->row_security)
		return psprintf("Row-level security is active on its source for role %s.",
						quote_identifier(GetUserNameFromId(GetUserId(), false)));
	if (depends->settings)
		return pstrdup("Its source or an expression calls current_setting() or session_user.");
	if (OidIsValid(depends->function))
		return psprintf("Its source or an expression calls %s, which may depend on the session.",
						format_procedure(depends->function));
	return NULL;
}

void
rfm_dependence_check(const RfmScoredSnapshot *snapshot, const RfmTarget *target)
{
	const RfmModel *model = snapshot->model;
	RfmDependence depends;
	char	   *reason;

	if (snapshot->customers->orders > 0 || model->keep_stale ||
		!rfm_target_has_rows(target, snapshot->run_date))
		return;
	depends = rfm_source_depends(model, &snapshot->source, snapshot->run_date);
	reason = reason_of(&depends);
	if (reason)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" sees no orders for %s, whose snapshot has customers", model->name,
						rfm_calendar_text(snapshot->run_date)),
				 errdetail("%s A refresh in this session would delete that snapshot.", reason),
				 errhint("Refresh in a session with the settings that show the orders, or let the model's owner see all of them. If the orders no longer exist, delete the rows from %s yourself.",
						 target->relation)));
}
