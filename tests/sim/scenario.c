/* scenario.c: random scenarios from seeds, their floors, and the distribution of what it took. */
#include "sim/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)
enum { FIRST_PORT = 10001, FAILURES_SHOWN = 10 };
#define TIME_BOUND   1.05 /* what is aimed at, of the floor */
#define PROBES_BOUND 1.3

/* What a scenario came to. */
struct outcome {
	bool done;
	size_t wrong;
	size_t closed; /* ports that had to be refused */
	size_t ports;
	double loss; /* the larger of the two directions */
	double took_s;
	double floor_s;
	double reachable_s; /* the floor for one who does not know beforehand what will be found */
	bool held_up;       /* the limit itself takes time, not only the way there and back */
	uint64_t probes;
	struct sim_limiter limiter;
	int64_t rtt_ns;
	bool all_closed;
};

/* What a scenario's time is compared with others by. */
enum group { ALL_CLOSED, MIXED, LOSSY, GROUPS };
static const char *const group_names[] = {"all closed", "mixed", "with loss"};

/* Kinds of limits, told apart in the distribution; what half of the scenarios of each group may take at most, in floors; and how many of a
 * hundred have to be within the bound of what can be reached. */
static const struct kind {
	const char *name;
	enum sim_limit kind;
	double rate, burst; /* 0: any */
	double most[GROUPS];
	unsigned within[GROUPS];
} kinds[] = {
        {"Linux, 1/s burst 6", SIM_BUCKET, 1, 6, {1.003, 1.02, 1.025}, {98, 92, 76}},
        {"Linux IPv6, 10/s burst 6", SIM_BUCKET, 10, 6, {1.005, 1.05, 1.04}, {94, 70, 60}},
        {"1000/s", SIM_BUCKET, 1000, 0, {2.2, 10, 7}, {0}},
        {"other buckets, 0.5 to 50/s", SIM_BUCKET, 0, 0, {1.015, 1.1, 1.07}, {85, 40, 45}},
        {"BSD, 100 or 200 each second", SIM_WINDOW, 0, 100, {1.02, 1.2, 1.2}, {75, 5, 25}},
        {"Solaris, 10 each 100 ms", SIM_WINDOW, 0, 0, {1.025, 1.35, 1.3}, {62, 0, 12}},
        {"Cisco, one each 500 ms", SIM_INTERVAL, 0, 0, {1.008, 1.03, 1.025}, {90, 82, 83}},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), ENOUGH = 25, ENOUGH_FOR_SHARE = 120 };

/* Figures of one group of scenarios. */
struct figures {
	double *values;
	size_t count;
	size_t within;    /* not above the bound asked for */
	size_t reachable; /* the same, of what can be reached */
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

/* No scanner can have `refusals` errors out of the limiter earlier than this: `spent` tokens were gone when it came. */
static double limit_floor(const struct sim_limiter *limiter, double refusals)
{
	double tokens = floor(limiter->burst - limiter->spent), parts = limiter->burst - limiter->spent - tokens;

	switch (limiter->kind) {
	case SIM_UNLIMITED:
		return 0;
	case SIM_BUCKET:
		return refusals > tokens ? (refusals - tokens - parts) / limiter->rate : 0;
	case SIM_WINDOW:
		return floor((refusals - 1) / limiter->burst) * (double)limiter->window_ns / 1e9;
	case SIM_INTERVAL:
		return (refusals - 1) * (double)limiter->window_ns / 1e9;
	}
	return 0;
}

/* What the floor leaves out: somebody who scans knows neither the limit nor which ports are closed. The limit shows itself after a round trip at the
 * earliest; and unless the last port asked happens to be closed, one more error has to show that the silent ones had a token, too. In
 * a window there are errors left for that, mostly. */
static double not_known_before(const struct sim_host *host, bool all_closed)
{
	const struct sim_limiter *limiter = &host->limiter;
	double error_s = limiter->kind == SIM_BUCKET     ? 1 / limiter->rate
	                 : limiter->kind == SIM_INTERVAL ? (double)limiter->window_ns / 1e9
	                                                 : 0;

	return (all_closed ? 0 : error_s) + (double)host->rtt_ns / 1e9;
}

/* The limit, and the one round trip from the first ask to the last error. */
static double floor_of(const struct sim_host *host, size_t closed)
{
	/* An error lost on its way back was a token all the same. */
	return limit_floor(&host->limiter, (double)(closed + host->errors_lost)) + (double)host->rtt_ns / 1e9;
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
	outcome.limiter = host->limiter;
	outcome.rtt_ns = host->rtt_ns;
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
	outcome.floor_s = floor_of(host, outcome.closed);
	outcome.reachable_s = outcome.floor_s + not_known_before(host, outcome.all_closed);
	outcome.held_up = outcome.floor_s > (double)host->rtt_ns / 1e9;
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

bool scenario_exact(uint64_t seed)
{
	struct outcome outcome = scenario_run(seed, NULL);

	return outcome.done && outcome.wrong == 0;
}

/* Cut off at some point and gone on with: ports of every kind are known, or all but the silent ones. */
bool scenario_resumed(uint64_t seed, FILE *trace)
{
	struct rng rng = rng_from_seed(seed ^ UINT64_C(0x2e5c3d));
	size_t port_count, wrong;
	struct sim *sim = scenario_build(seed, &port_count);
	struct sim_host *host = &sim->hosts[0];
	double share = rng_unit(&rng);
	bool only_silent = rng_below(&rng, 2), done;
	char ports[32];

	sim->trace = trace;
	host->known = calloc(65536, sizeof(*host->known));
	if (!host->known)
		abort();
	for (size_t port = FIRST_PORT; port < FIRST_PORT + port_count; port++) {
		bool silent = host->ports[port] == SIM_SILENT || host->ports[port] == SIM_DROPPED;

		host->known[port] = only_silent ? !silent : rng_unit(&rng) < share;
	}
	snprintf(ports, sizeof(ports), "%d-%zu", FIRST_PORT, FIRST_PORT + port_count - 1);
	done = sim_run(sim, ports, 3600 * SECOND);
	wrong = sim_wrong(sim, trace);
	sim_free(sim);
	return done && wrong == 0;
}

/* States that were told wrongly; that one is unknown is no wrong state. */
static size_t guesses(const struct sim *sim, size_t port_count)
{
	size_t wrong = 0;

	for (size_t port = FIRST_PORT; port < FIRST_PORT + port_count; port++) {
		struct sim_verdict truth;

		sim_truth(sim, &sim->hosts[0], (uint16_t)port, &truth);
		wrong += sim->verdicts[port].state != PORT_UNKNOWN && sim->verdicts[port].state != truth.state;
	}
	return wrong;
}

bool scenario_gone(uint64_t seed, bool for_ever, FILE *trace)
{
	struct rng rng = rng_from_seed(seed ^ UINT64_C(0x60e60e));
	size_t port_count, wrong;
	struct sim *sim = scenario_build(seed, &port_count);
	struct sim_host *host = &sim->hosts[0];
	char ports[32];
	bool done;

	sim->trace = trace;
	host->gone_ns = sim->now_ns + (int64_t)(pick_log(&rng, 0.2, 60) * 1e9);
	host->back_ns = for_ever ? INT64_MAX : host->gone_ns + (int64_t)(pick_log(&rng, 0.2, 200) * 1e9);
	host->router_waits_ns = rng_below(&rng, 2) ? (int64_t)(pick_log(&rng, 1e-3, 30) * 1e9) : 0;
	snprintf(ports, sizeof(ports), "%d-%zu", FIRST_PORT, FIRST_PORT + port_count - 1);
	done = sim_run(sim, ports, 3600 * SECOND);
	/* It may have gone before it was found; and one that answers no echo can only be asked by its ports, which may be silent. */
	wrong = 0;
	if (sim->host_verdicts[0].state == HOST_UP && !(host->routed && host->echo_ignored))
		wrong = for_ever ? guesses(sim, port_count) : sim_wrong(sim, trace);
	if (trace)
		fprintf(trace, "gone at %.3f s, back at %.3f s: done %d at %.3f s, wrong %zu of %zu, %llu probes\n",
		        (double)host->gone_ns / 1e9, for_ever ? INFINITY : (double)host->back_ns / 1e9, done,
		        (double)sim->now_ns / 1e9, wrong, port_count, (unsigned long long)host->probes);
	sim_free(sim);
	return done && wrong == 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void add_figure(struct figures *figures, size_t most, double value, double bound)
{
	if (!figures->values)
		figures->values = malloc(most * sizeof(*figures->values));
	if (!figures->values)
		abort();
	figures->values[figures->count++] = value;
	figures->within += value <= bound;
}

static double quantile(const struct figures *figures, unsigned percent)
{
	return figures->values[(figures->count - 1) * percent / 100];
}

/* Sorts, prints, releases. */
static void print_figures(FILE *out, const char *what, const char *which, struct figures *figures, double bound)
{
	if (figures->count == 0)
		return;
	qsort(figures->values, figures->count, sizeof(*figures->values), by_value);
	fprintf(out, "%s, %s (%zu): median %.3f, 75 %% %.3f, 90 %% %.3f, 99 %% %.3f, worst %.3f; %.0f %% within %.2f\n",
	        what, which, figures->count, quantile(figures, 50), quantile(figures, 75), quantile(figures, 90),
	        quantile(figures, 99), quantile(figures, 100), 100.0 * (double)figures->within / (double)figures->count,
	        bound);
	free(figures->values);
	*figures = (struct figures){0};
}

static size_t kind_of(const struct sim_limiter *limiter)
{
	size_t i = 0;

	while (i < KINDS && (kinds[i].kind != limiter->kind || (kinds[i].rate > 0 && kinds[i].rate < limiter->rate) ||
	                     (kinds[i].rate > limiter->rate) || kinds[i].burst > limiter->burst ||
	                     (kinds[i].rate > 0 && kinds[i].burst > 0 && kinds[i].burst < limiter->burst)))
		i++;
	return i;
}

/* The hosts that the limit holds up: 50 refusals or more, and a floor that is not round trips in disguise. */
static bool is_held_up(const struct outcome *outcome)
{
	return outcome->closed >= 50 && outcome->held_up;
}

/* What many scenarios came to. */
struct summary {
	struct figures times[KINDS][GROUPS], probes[KINDS + 1];
	size_t ports, wrong;
	unsigned failed;
	double worst; /* of Linux, in floors */
	uint64_t worst_seed;
};

static void add_outcome(struct summary *summary, const struct outcome *outcome, uint64_t seed, unsigned long most)
{
	size_t kind = kind_of(&outcome->limiter);
	double ratio = outcome->took_s / outcome->floor_s;
	enum group group = outcome->loss > 0 ? LOSSY : outcome->all_closed ? ALL_CLOSED : MIXED;

	if (outcome->all_closed && outcome->loss <= 0)
		add_figure(&summary->probes[kind], most, ((double)outcome->probes - 50) / (double)outcome->ports,
		           PROBES_BOUND);
	if (!is_held_up(outcome))
		return;
	add_figure(&summary->times[kind][group], most, ratio, TIME_BOUND);
	summary->times[kind][group].reachable += outcome->took_s <= TIME_BOUND * outcome->reachable_s;
	if (kind == 0 && ratio > summary->worst) {
		summary->worst = ratio;
		summary->worst_seed = seed;
	}
}

/* Half of the scenarios, or too few of all, are near enough to what can be reached. */
static bool is_slow(FILE *out, const struct kind *kind, enum group group, const struct figures *figures)
{
	double median = quantile(figures, 50), within = 100.0 * (double)figures->reachable / (double)figures->count;

	if (figures->count < ENOUGH ||
	    (median <= kind->most[group] && (within >= kind->within[group] || figures->count < ENOUGH_FOR_SHARE)))
		return false;
	fprintf(out, "# too slow: %s, %s: median %.3f, at most %.3f; %.0f %% within %.2f, at least %u\n", kind->name,
	        group_names[group], median, kind->most[group], within, TIME_BOUND, kind->within[group]);
	return true;
}

/* Prints all figures of one kind; how many groups took too long. */
static unsigned print_kind(FILE *out, size_t kind, struct summary *summary)
{
	unsigned slow = 0;

	for (enum group group = ALL_CLOSED; group < GROUPS; group++) {
		struct figures *figures = &summary->times[kind][group];

		if (figures->count == 0)
			continue;
		qsort(figures->values, figures->count, sizeof(*figures->values), by_value);
		slow += is_slow(out, &kinds[kind], group, figures);
		fprintf(out, "# %.0f %% within %.2f of what can be reached; time / floor, ",
		        100.0 * (double)figures->reachable / (double)figures->count, TIME_BOUND);
		print_figures(out, kinds[kind].name, group_names[group], figures, TIME_BOUND);
	}
	return slow;
}

unsigned scenario_many(uint64_t first, unsigned long count, FILE *out)
{
	struct summary summary = {0};
	unsigned slow = 0;

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct outcome outcome = scenario_run(seed, NULL);

		summary.ports += outcome.ports;
		summary.wrong += outcome.wrong;
		if (outcome.done && outcome.wrong == 0)
			add_outcome(&summary, &outcome, seed, count);
		else if (summary.failed++ < FAILURES_SHOWN)
			fprintf(out, "# seed %llu: done %d, %zu of %zu wrong; replay with: test_sim one %llu\n",
			        (unsigned long long)seed, outcome.done, outcome.wrong, outcome.ports,
			        (unsigned long long)seed);
	}
	fprintf(out, "# %lu scenarios, %zu ports, %u scenarios failed, %zu ports wrong\n", count, summary.ports,
	        summary.failed, summary.wrong);
	for (size_t i = 0; i < KINDS; i++)
		slow += print_kind(out, i, &summary);
	fprintf(out, "# Linux, slowest against its floor: seed %llu\n", (unsigned long long)summary.worst_seed);
	for (size_t i = 0; i <= KINDS; i++) {
		if (summary.probes[i].count > 0)
			fprintf(out, "# (probes - 50) / ports, ");
		print_figures(out, i < KINDS ? kinds[i].name : "no limit", "all closed", &summary.probes[i],
		              PROBES_BOUND);
	}
	return summary.failed + slow;
}
