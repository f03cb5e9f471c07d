/*-------------------------------------------------------------------------
 *
 * likelihood.h
 *		The likelihoods of the models of buying and of spending.
 *
 * Takes what is known of customers, distinct and sorted, and parameters; gives
 * log-likelihoods and their gradients.
 *
 * BG/NBD: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing
 * Science 24 (2005), 275-284.  MBG/NBD: Batislam, Denizel and Filiztekin,
 * International Journal of Research in Marketing 24 (2007), 201-209.
 * Gamma-Gamma: Fader and Hardie, The Gamma-Gamma Model of Monetary Value, 2013.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_FORECAST_LIKELIHOOD_H
#define RFM_FORECAST_LIKELIHOOD_H

typedef enum RfmFamily
{
	RFM_BG_NBD,					/* customers can be lost after a repeat visit */
	RFM_MBG_NBD					/* and after the first visit as well */
} RfmFamily;

/* The history of some customers, in whole days. */
typedef struct RfmHistory
{
	int32		repeats;		/* days with orders, without the first one */
	int32		recency;		/* from the first to the last of them */
	int32		age;			/* from the first to the run date */
	int32		customers;		/* who have this history */
} RfmHistory;

/* The parameters of buying, and their places in arrays. */
typedef enum RfmBuyingParam
{
	RFM_PARAM_R,				/* shape of the gamma distribution of rates */
	RFM_PARAM_ALPHA,			/* its scale, in days */
	RFM_PARAM_A,				/* of the beta distribution of who is lost after a visit */
	RFM_PARAM_B
} RfmBuyingParam;

#define RFM_BUYING_PARAMS 4

typedef struct RfmBuyingData
{
	RfmFamily	family;
	int64		n;
	const RfmHistory *history;	/* sorted by repeats and recency, for speed */
	int64		stride;			/* 1: all count; else every so many */
} RfmBuyingData;

/* What a customer has spent on all repeat days together; more than nothing. */
typedef struct RfmSpending
{
	int32		repeats;
	double		total;
	double		log_total;		/* its logarithm */
} RfmSpending;

/* The parameters of spending. */
typedef enum RfmSpendingParam
{
	RFM_PARAM_P,				/* shape of the gamma distribution of one day's spending */
	RFM_PARAM_Q,				/* shape of that of its rate */
	RFM_PARAM_V					/* scale of that, in money */
} RfmSpendingParam;

#define RFM_SPENDING_PARAMS 3

typedef struct RfmSpendingData
{
	int64		n;
	const RfmSpending *spending;	/* sorted by repeats */
	int64		stride;			/* as above */
} RfmSpendingData;

/*
 * rfm_buying_loss: return minus the log-likelihood of a RfmBuyingData, divided
 * by the number of its customers, at the logarithms of the parameters, and its gradient by
 * these.  Not finite where the parameters are out of the range of doubles.
 */
extern double rfm_buying_loss(const void *data, const double *log_param, double *gradient);

/* rfm_spending_loss: the same of a RfmSpendingData. */
extern double rfm_spending_loss(const void *data, const double *log_param, double *gradient);

/*
 * rfm_log_odds_lost: return the logarithm of the odds that a customer is lost by
 * the run date; minus infinity for one who cannot be.
 */
extern double rfm_log_odds_lost(RfmFamily family, const double *param,
								const RfmHistory *history);

/*
 * rfm_chances_to_go: return after how many visits, of so many repeat visits and the first
 * one, a customer could have been lost and was not.
 */
extern int	rfm_chances_to_go(RfmFamily family, int32 repeats);

/* rfm_digamma: return the derivative of lgamma() at x > 0. */
extern double rfm_digamma(double x);

#endif							/* RFM_FORECAST_LIKELIHOOD_H */
