# Makefile of the PostgreSQL extension rfm

EXTENSION = rfm

# the control file has the version; everything else takes it from there
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rfm.control)

# The install script is joined from its topics; upgrade scripts, and install
# scripts of released versions, lie in sql/ as files.
FULL_SCRIPT = sql/rfm--$(EXTVERSION).sql
DATA_built = $(FULL_SCRIPT)
DATA = $(filter-out $(FULL_SCRIPT),$(wildcard sql/rfm--*.sql))

MODULE_big = rfm
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
PG_CPPFLAGS = -I$(srcdir)/src -DRFM_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wshadow -Wno-missing-field-initializers \
	-fvisibility=hidden

# install first: it creates the extension for the others
REGRESS = install $(patsubst sql/%.sql,%,$(filter-out sql/install.sql sql/rfm--%,$(sort $(wildcard sql/*.sql))))
ISOLATION = $(patsubst specs/%.spec,%,$(sort $(wildcard specs/*.spec)))
TAP_TESTS = 1

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# bitcode, too, is made of the headers, which PGXS does not know
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h) rfm.control

$(FULL_SCRIPT): $(sort $(wildcard sql/install/*.sql)) sql/install/report.css rfm.control
	sed -e '/^@report.css@$$/{r sql/install/report.css' -e 'd;}' $(filter %.sql,$^) > $@

# the last commit as a zip for PGXN
DIST_DIR = .
.PHONY: dist same-version
dist: same-version
	git archive --format=zip --prefix=rfm-$(EXTVERSION)/ --output=$(abspath $(DIST_DIR))/rfm-$(EXTVERSION).zip HEAD

# of whatever is released
same-version:
	head -n 1 debian/changelog | grep -qF '($(EXTVERSION))'
	grep -m 1 '^## ' CHANGELOG.md | grep -qx '## $(EXTVERSION)\b.*'
	perl -MJSON::PP -0777 -ne '$$meta = decode_json($$_); exit grep { $$_ ne "$(EXTVERSION)" } map { $$_->{version} } $$meta, values %{$$meta->{provides}}' META.json
