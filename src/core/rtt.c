/* rtt.c: RFC 6298's estimator, and a cautious estimate of loss. */
#include "nscan/rtt.h"

#include <math.h>

/* A path without jitter would let the variance fall to nothing and the timeout to the round trip itself (RFC 6298's G). */
enum { TIMEOUT_CEILING_MS = 3000, SLACK_MS = 5, SAMPLES_FOR_JITTER = 12 };

void rtt_sample(struct rtt *rtt, int64_t rtt_ns)
{
	int64_t error;

	if (rtt_ns < 0)
		return;
	if (rtt->samples++ == 0) {
		rtt->srtt_ns = rtt_ns;
		rtt->rttvar_ns = rtt_ns / 2;
		rtt->jitter_ns = rtt_ns / 8; /* RFC 6298's first guess is for timeouts, where caution costs little */
		return;
	}
	error = rtt->srtt_ns - rtt_ns;
	rtt->srtt_ns -= error / 8;
	error = error < 0 ? -error : error;
	rtt->rttvar_ns += (error - rtt->rttvar_ns) / 4;
	rtt->jitter_ns += (error - rtt->jitter_ns) / (rtt->samples <= SAMPLES_FOR_JITTER ? 4 : 16);
}

int64_t rtt_timeout(const struct rtt *rtt, int64_t initial_ns, int64_t floor_ns)
{
	const int64_t ceiling_ns = TIMEOUT_CEILING_MS * INT64_C(1000000);
	int64_t slack_ns = 4 * rtt->rttvar_ns, least_ns = rtt->srtt_ns / 8 + SLACK_MS * INT64_C(1000000);
	int64_t timeout_ns = rtt->samples ? rtt->srtt_ns + (slack_ns > least_ns ? slack_ns : least_ns) : initial_ns;

	if (timeout_ns < floor_ns)
		timeout_ns = floor_ns;
	return timeout_ns < ceiling_ns ? timeout_ns : ceiling_ns;
}

void loss_answered(struct loss *loss, uint32_t lost)
{
	loss->asked += 1 + lost;
	loss->lost += lost;
}

double loss_estimate(const struct loss *loss)
{
	const double prior_lost = 0.5, prior_asked = 16;
	double n = loss->asked + prior_asked;
	double mean = (loss->lost + prior_lost) / n;
	double estimate = mean + 2 * sqrt(mean * (1 - mean) / n);

	return estimate < 0.005 ? 0.005 : estimate > 0.6 ? 0.6 : estimate;
}

uint32_t loss_asks_needed(const struct loss *loss, double wrong, uint32_t least, uint32_t most)
{
	double asks = ceil(log(wrong) / log(loss_estimate(loss)));

	if (asks < least)
		return least;
	return asks > most ? most : (uint32_t)asks;
}
