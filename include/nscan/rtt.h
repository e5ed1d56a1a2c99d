/* rtt.h: round-trip times and loss, as estimated from what was asked and answered. Pure arithmetic. */
#ifndef NSCAN_RTT_H
#define NSCAN_RTT_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 6298 estimator. Zero-initialised: no sample yet. */
struct rtt {
	int64_t srtt_ns;
	int64_t rttvar_ns;
	int64_t jitter_ns; /* mean deviation over a longer time: how far apart packets must be to keep their order */
	uint32_t samples;
};

/* Takes one measured round trip (RFC 6298 2.2, 2.3). Every probe carries its attempt, so Karn's rule is not needed. */
void rtt_sample(struct rtt *rtt, int64_t rtt_ns);
/* The retransmission timeout: srtt + 4 rttvar, between floor_ns and 3 s; `initial_ns` while there is no sample. RFC 6298's
 * floor of 1 s is for congestion control of streams; a probe that is asked once too often does no harm. */
int64_t rtt_timeout(const struct rtt *rtt, int64_t initial_ns, int64_t floor_ns);

/* How often a question that should have been answered was not. Zero-initialised: nothing known. */
struct loss {
	double asked;
	double lost;
};

/* One question that got its answer after `lost` earlier ones were lost. */
void loss_answered(struct loss *loss, uint32_t lost);
/* A cautious estimate of the probability that one ask of an answering port stays unanswered, 0.005 to 0.6: the posterior mean
 * plus two standard deviations, from a prior of one loss in thirty-two. */
double loss_estimate(const struct loss *loss);
/* How many unanswered asks make the chance of a wrong verdict smaller than `wrong`; at least `least`, at most `most`. */
uint32_t loss_asks_needed(const struct loss *loss, double wrong, uint32_t least, uint32_t most);

#endif
