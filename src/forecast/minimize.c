/*-------------------------------------------------------------------------
 *
 * minimize.c
 *		The minimum of a smooth function of few variables.
 *
 * Newton's method where the start is near the minimum; else BFGS with a
 * backtracking line search, and Newton's method from where that ends.  Second
 * derivatives are differences of gradients.  Nocedal and Wright, Numerical
 * Optimization, 2nd edition: algorithms 6.1 and 3.1, chapter 8.1.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "forecast/minimize.h"
#include "miscadmin.h"

#define MOST_ITERATIONS 200
#define MOST_NEWTON_STEPS 20

/* A value so far above the minimum, as estimated there, has found it; below the other, nothing is left. */
#define FOUND 1e-12
#define NOTHING 1e-18

/* Variables are logarithms. Beyond this limit there is no minimum. */
#define FARTHEST 18.0

typedef double Vector[RFM_MOST_VARIABLES];
typedef double Matrix[RFM_MOST_VARIABLES][RFM_MOST_VARIABLES];

/* A function and a place on it. */
typedef struct Search
{
	RfmFunction function;
	const void *arg;
	int			n;
	Vector		x;
	Vector		gradient;
	double		value;
} Search;

static double
dot(const Search *s, const double *a, const double *b)
{
	double		sum = 0;

	for (int i = 0; i < s->n; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
set_identity(Matrix m)
{
	memset(m, 0, sizeof(Matrix));
	for (int i = 0; i < RFM_MOST_VARIABLES; i++)
		m[i][i] = 1;
}

/* step = - m * gradient */
static void
downhill(const Search *s, Matrix m, double *step)
{
	for (int i = 0; i < s->n; i++)
		step[i] = -dot(s, m[i], s->gradient);
}

/* Follow step as long as the value decreases; moved is the distance. */
static bool
go_along(Search *s, const double *step, double *moved, double *turned)
{
	double		slope = dot(s, s->gradient, step);
	double		most = 0;
	double		length = 1;

	for (int i = 0; i < s->n; i++)
		most = Max(most, fabs(step[i]));
	/* no step goes farther than a factor of e^2 */
	if (most > 2)
		length = 2 / most;
	for (int tries = 0; slope < 0 && tries < 50; tries++, length /= 2)
	{
		Search		there = *s;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < s->n; i++)
			there.x[i] += length * step[i];
		there.value = s->function(s->arg, there.x, there.gradient);
		if (!isfinite(there.value) || there.value > s->value + 1e-4 * length * slope)
			continue;
		for (int i = 0; i < s->n; i++)
		{
			moved[i] = there.x[i] - s->x[i];
			turned[i] = there.gradient[i] - s->gradient[i];
		}
		*s = there;
		return true;
	}
	return false;
}

/* Algorithm 6.1's formula 6.17: what the last step tells of the second derivatives. */
static void
learn(const Search *s, Matrix inverse, const double *moved, const double *turned, bool first)
{
	double		curvature = dot(s, moved, turned);
	double		scale = first ? curvature / dot(s, turned, turned) : 1;
	Vector		h;
	double		hh;

	if (!(curvature > 1e-12 * sqrt(dot(s, moved, moved) * dot(s, turned, turned))))
		return;
	for (int i = 0; i < s->n; i++)
		for (int j = 0; j < s->n; j++)
			inverse[i][j] *= scale;
	for (int i = 0; i < s->n; i++)
		h[i] = dot(s, inverse[i], turned);
	hh = 1 + dot(s, turned, h) / curvature;
	for (int i = 0; i < s->n; i++)
		for (int j = 0; j < s->n; j++)
			inverse[i][j] += (hh * moved[i] * moved[j] - h[i] * moved[j] - moved[i] * h[j]) / curvature;
}

static bool
is_too_far(const Search *s)
{
	for (int i = 0; i < s->n; i++)
		if (fabs(s->x[i]) > FARTHEST)
			return true;
	return false;
}

static int
descend(Search *s)
{
	Matrix		inverse;
	int			iteration;

	set_identity(inverse);
	for (iteration = 0; iteration < MOST_ITERATIONS; iteration++)
	{
		Vector		step;
		Vector		moved;
		Vector		turned;

		downhill(s, inverse, step);
		/* a value has 15 digits: below that, Newton's method sees more */
		if (-dot(s, s->gradient, step) < 1e-12 || is_too_far(s) ||
			!go_along(s, step, moved, turned))
			break;
		learn(s, inverse, moved, turned, iteration == 0);
	}
	return iteration;
}

/* The matrix of second derivatives, by differences of gradients. */
static void
second_derivatives(const Search *s, Matrix hessian)
{
	const double width = 1e-5;

	for (int i = 0; i < s->n; i++)
	{
		Vector		x;
		Vector		gradient;

		CHECK_FOR_INTERRUPTS();
		memcpy(x, s->x, sizeof(x));
		x[i] = s->x[i] + width;
		(void) s->function(s->arg, x, gradient);
		for (int j = 0; j < s->n; j++)
			hessian[i][j] = (gradient[j] - s->gradient[j]) / width;
	}
	for (int i = 0; i < s->n; i++)
		for (int j = 0; j < i; j++)
			hessian[i][j] = hessian[j][i] = (hessian[i][j] + hessian[j][i]) / 2;
}

/* Invert a symmetric matrix by its Cholesky factor; false: it is not positive definite. */
static bool
invert(int n, Matrix m, Matrix inverse)
{
	Matrix		factor = {{0}};

	for (int j = 0; j < n; j++)
	{
		for (int i = j; i < n; i++)
		{
			double		sum = m[i][j];

			for (int k = 0; k < j; k++)
				sum -= factor[i][k] * factor[j][k];
			/* rounding errors are not curvature */
			if (i == j && !(sum > 1e-10 * m[j][j] && m[j][j] > 0))
				return false;
			factor[i][j] = i == j ? sqrt(sum) : sum / factor[j][j];
		}
	}
	for (int column = 0; column < n; column++)
	{
		Vector		y;

		for (int i = 0; i < n; i++)
		{
			y[i] = i == column;
			for (int k = 0; k < i; k++)
				y[i] -= factor[i][k] * y[k];
			y[i] /= factor[i][i];
		}
		for (int i = n - 1; i >= 0; i--)
		{
			for (int k = i + 1; k < n; k++)
				y[i] -= factor[k][i] * inverse[k][column];
			inverse[i][column] = y[i] / factor[i][i];
		}
	}
	return true;
}

/* How far above the minimum the value is, as the second derivatives estimate it. */
static double
excess(const Search *s, Matrix inverse, double *step)
{
	downhill(s, inverse, step);
	return -dot(s, s->gradient, step) / 2;
}

/*
 * Take whole steps by the inverse that is there, as long as they help.  Near the
 * minimum the digits of a value no longer say whether a step leads down, but
 * those of the gradient do.
 */
static void
settle(Search *s, double *step, RfmMinimum *minimum)
{
	while (minimum->excess > NOTHING)
	{
		Search		there = *s;
		Vector		next;
		double		left;

		for (int i = 0; i < s->n; i++)
			there.x[i] += step[i];
		there.value = s->function(s->arg, there.x, there.gradient);
		left = excess(&there, minimum->inverse, next);
		/* each step finds several digits; else there are no more */
		if (!(left < minimum->excess / 100))
			return;
		*s = there;
		memcpy(step, next, sizeof(next));
		minimum->excess = left;
		minimum->iterations++;
	}
}

/*
 * Near the minimum of a convex function, Newton's method finds all digits in a
 * few steps.
 */
static void
polish(Search *s, double near, RfmMinimum *minimum)
{
	Vector		step;
	Vector		moved;
	Vector		turned;

	minimum->excess = INFINITY;
	for (int i = 0; i < MOST_NEWTON_STEPS; i++)
	{
		Matrix		hessian;

		second_derivatives(s, hessian);
		minimum->found = invert(s->n, hessian, minimum->inverse);
		if (!minimum->found)
			return;
		minimum->excess = excess(s, minimum->inverse, step);
		if (minimum->excess < FOUND)
		{
			settle(s, step, minimum);
			break;
		}
		if (minimum->excess > near || is_too_far(s) || !go_along(s, step, moved, turned))
			break;
		minimum->iterations++;
	}
	minimum->found = minimum->excess < FOUND && !is_too_far(s);
}

void
rfm_minimize(RfmFunction function, const void *arg, int n, RfmMinimum *minimum)
{
	Search		search = {.function = function,.arg = arg,.n = n};
	Vector		step;

	memcpy(search.x, minimum->x, sizeof(search.x));
	search.value = function(arg, search.x, search.gradient);
	minimum->iterations = 0;
	if (isfinite(search.value) && minimum->found)
	{
		minimum->excess = excess(&search, minimum->inverse, step);
		settle(&search, step, minimum);
	}
	minimum->found = false;
	minimum->excess = INFINITY;
	if (isfinite(search.value))
		polish(&search, 1e-2, minimum);
	if (isfinite(search.value) && !minimum->found)
	{
		minimum->iterations += descend(&search);
		polish(&search, INFINITY, minimum);
	}
	memcpy(minimum->x, search.x, sizeof(search.x));
	minimum->value = search.value;
}
