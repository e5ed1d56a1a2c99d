/* scenario.c: random scenarios from seeds, their floors, and the distribution of what it took. */
#include "sim/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)
enum { FIRST_PORT = 10001, FAILURES_SHOWN = 10 };

/* What a scenario came to. */
struct outcome {
	bool done;
	size_t wrong;
	size_t closed; /* ports that had to be refused */
	size_t ports;
	double loss; /* the larger of the two directions */
	double took_s;
	double floor_s;
	uint64_t probes;
	bool limited;
	bool all_closed;
};

static double pick(struct rng *rng, double low, double high)
{
	return low + rng_unit(rng) * (high - low);
}

static double pick_log(struct rng *rng, double low, double high)
{
	return exp(pick(rng, log(low), log(high)));
}

/* The limiters of systems in use, and buckets of any size. */
static struct sim_limiter pick_limiter(struct rng *rng)
{
	switch (rng_below(rng, 10)) {
	case 0:
		return (struct sim_limiter){.kind = SIM_UNLIMITED};
	case 1: /* FreeBSD, other BSDs */
		return (struct sim_limiter){
		        .kind = SIM_WINDOW, .burst = rng_below(rng, 2) ? 200 : 100, .window_ns = SECOND};
	case 2: /* Solaris */
		return (struct sim_limiter){.kind = SIM_WINDOW, .burst = 10, .window_ns = 100 * MS};
	case 3: /* Cisco IOS */
		return (struct sim_limiter){.kind = SIM_INTERVAL, .window_ns = 500 * MS};
	case 4: /* Linux host-wide, Junos */
		return (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1000, .burst = rng_below(rng, 2) ? 50 : 1000};
	case 5: /* Linux IPv6 */
		return (struct sim_limiter){.kind = SIM_BUCKET, .rate = 10, .burst = 6};
	case 6:
		return (struct sim_limiter){
		        .kind = SIM_BUCKET, .rate = pick_log(rng, 0.5, 50), .burst = 2 + rng_below(rng, 30)};
	default: /* Linux IPv4 per peer: what most hosts are */
		return (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
	}
}

static struct sim *scenario_build(uint64_t seed, size_t *ports)
{
	struct sim *sim = sim_new(seed);
	struct rng rng = rng_from_seed(seed ^ UINT64_C(0x5ce0a210));
	struct sim_host *host;
	double closed, answers, dropped, loss;

	if (!sim)
		abort();
	host = sim_add(sim, rng_below(&rng, 2));
	host->limiter = pick_limiter(&rng);
	host->rtt_ns = (int64_t)(pick_log(&rng, 0.1, 500) * 1e6);
	if (rng_below(&rng, 2))
		host->jitter_ns = (int64_t)(pick(&rng, 0, 0.3) * (double)host->rtt_ns);
	if (rng_below(&rng, 5) == 0)
		host->limiter.spent = host->limiter.burst * rng_unit(&rng);
	loss = rng_below(&rng, 2) ? 0 : pick(&rng, 0, 0.10);
	host->loss_there = loss;
	host->loss_back = rng_below(&rng, 2) ? loss : 0;
	host->duplicate = rng_below(&rng, 4) ? 0 : 0.05;
	host->echo_ignored = rng_below(&rng, 5) == 0;
	/* Mostly closed, mostly dropped, or anything between. */
	closed = rng_below(&rng, 3) == 0 ? 1 : rng_unit(&rng);
	answers = rng_below(&rng, 2) ? 0 : pick(&rng, 0, 0.2);
	dropped = pick(&rng, 0, 1);
	*ports = 20 + rng_below(&rng, 180);
	for (size_t i = 0; i < *ports; i++) {
		double kind = rng_unit(&rng);
		enum sim_port port = SIM_DROPPED;

		if (closed >= 1 || kind < closed)
			port = rng_below(&rng, 20) == 0 ? SIM_REJECTED : SIM_CLOSED;
		else if (rng_unit(&rng) < answers)
			port = SIM_ANSWERS;
		else if (rng_unit(&rng) > dropped)
			port = SIM_SILENT;
		host->ports[FIRST_PORT + i] = port;
	}
	/* A host that ignores echo and refuses nothing could not be found at all, from behind a router. */
	if (host->echo_ignored)
		host->ports[40125] = SIM_CLOSED;
	return sim;
}

/* No scanner can have `refusals` errors out of the limiter earlier than this. */
static double floor_of(const struct sim_limiter *limiter, double refusals)
{
	switch (limiter->kind) {
	case SIM_UNLIMITED:
		return 0;
	case SIM_BUCKET:
		return refusals > limiter->burst ? (refusals - limiter->burst) / limiter->rate : 0;
	case SIM_WINDOW:
		return floor((refusals - 1) / limiter->burst) * (double)limiter->window_ns / 1e9;
	case SIM_INTERVAL:
		return (refusals - 1) * (double)limiter->window_ns / 1e9;
	}
	return 0;
}

static struct outcome scenario_run(uint64_t seed, FILE *trace)
{
	struct outcome outcome = {0};
	struct sim *sim = scenario_build(seed, &outcome.ports);
	struct sim_host *host = &sim->hosts[0];
	char ports[32];

	sim->trace = trace;
	snprintf(ports, sizeof(ports), "%d-%zu", FIRST_PORT, FIRST_PORT + outcome.ports - 1);
	for (size_t i = 0; i < outcome.ports; i++)
		outcome.closed +=
		        host->ports[FIRST_PORT + i] == SIM_CLOSED || host->ports[FIRST_PORT + i] == SIM_REJECTED;
	outcome.all_closed = outcome.closed == outcome.ports;
	outcome.loss = host->loss_there > host->loss_back ? host->loss_there : host->loss_back;
	outcome.limited = host->limiter.kind != SIM_UNLIMITED;
	if (trace)
		fprintf(trace,
		        "limiter %d rate %.3f burst %.0f window %.0f ms; rtt %.2f ms jitter %.2f ms; loss %.3f/%.3f; "
		        "%zu ports, %zu refuse; routed %d echo_ignored %d\n",
		        host->limiter.kind, host->limiter.rate, host->limiter.burst,
		        (double)host->limiter.window_ns / 1e6, (double)host->rtt_ns / 1e6,
		        (double)host->jitter_ns / 1e6, host->loss_there, host->loss_back, outcome.ports, outcome.closed,
		        host->routed, host->echo_ignored);
	outcome.done = sim_run(sim, ports, 3600 * SECOND);
	outcome.wrong = sim_wrong(sim, trace);
	outcome.took_s = (double)(host->settled_ns - host->first_probe_ns) / 1e9;
	/* An error lost on its way back was a token all the same. */
	outcome.floor_s = floor_of(&host->limiter, (double)outcome.closed + (double)host->errors_lost);
	outcome.probes = host->probes;
	sim_free(sim);
	return outcome;
}

bool scenario_one(uint64_t seed, FILE *out)
{
	struct outcome outcome = scenario_run(seed, out);

	fprintf(out, "done %d, wrong %zu of %zu, %.3f s against a floor of %.3f s, %llu probes\n", outcome.done,
	        outcome.wrong, outcome.ports, outcome.took_s, outcome.floor_s, (unsigned long long)outcome.probes);
	return outcome.done && outcome.wrong == 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_distribution(FILE *out, const char *what, double *values, size_t count)
{
	if (count == 0)
		return;
	qsort(values, count, sizeof(*values), by_value);
	fprintf(out, "# %s (%zu scenarios): median %.3f, 90 %% %.3f, 99 %% %.3f, worst %.3f\n", what, count,
	        values[count / 2], values[count * 9 / 10], values[count * 99 / 100], values[count - 1]);
}

unsigned scenario_many(uint64_t first, unsigned long count, FILE *out)
{
	double *times = malloc(count * sizeof(*times)), *probes = malloc(count * sizeof(*probes));
	size_t timed = 0, counted = 0, ports = 0, wrong = 0;
	unsigned failed = 0;
	double worst = 0;
	uint64_t worst_seed = 0;

	if (!times || !probes)
		abort();
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct outcome outcome = scenario_run(seed, NULL);

		ports += outcome.ports;
		wrong += outcome.wrong;
		if (!outcome.done || outcome.wrong > 0) {
			if (failed++ < FAILURES_SHOWN)
				fprintf(out, "# seed %llu: done %d, %zu of %zu wrong; replay with: test_sim one %llu\n",
				        (unsigned long long)seed, outcome.done, outcome.wrong, outcome.ports,
				        (unsigned long long)seed);
			continue;
		}
		if (outcome.limited && outcome.closed >= 50 && outcome.floor_s > 0) {
			double ratio = outcome.took_s / outcome.floor_s;

			times[timed++] = ratio;
			if (ratio > worst) {
				worst = ratio;
				worst_seed = seed;
			}
		}
		if (outcome.all_closed && outcome.loss <= 0)
			probes[counted++] = ((double)outcome.probes - 50) / (double)outcome.ports;
	}
	fprintf(out, "# %lu scenarios, %zu ports, %u scenarios failed, %zu ports wrong\n", count, ports, failed, wrong);
	print_distribution(out, "time against the floor, limited hosts of 50 closed ports or more", times, timed);
	if (timed > 0)
		fprintf(out, "# slowest against its floor: seed %llu\n", (unsigned long long)worst_seed);
	print_distribution(out, "(probes - 50) / ports, all closed, no loss", probes, counted);
	free(times);
	free(probes);
	return failed;
}
