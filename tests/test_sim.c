/* test_sim.c: whole scans in a simulated network: hosts of every limiter kind, loss, jitter, mixes of ports, from seeds.
 *
 *   test_sim                 what `make check` runs
 *   test_sim one SEED        one random scenario, traced
 *   test_sim resumed SEED    the same, gone on with by --resume
 *   test_sim away SEED       the same, the host away for a while
 *   test_sim gone SEED       the same, the host gone for good
 *   test_sim many FIRST N    N random scenarios, with the distribution
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/scenario.h"

/* Under sanitizers everything is some ten times slower, and the optimised build has run them all. */
#if defined(__SANITIZE_ADDRESS__)
enum { SCENARIOS_IN_CHECK = 1000, RESUMED_IN_CHECK = 100, GONE_IN_CHECK = 50, SANITIZED = 1 };
#else
enum { SCENARIOS_IN_CHECK = 10000, RESUMED_IN_CHECK = 1000, GONE_IN_CHECK = 500, SANITIZED = 0 };
#endif

static void test_all_closed_default_linux(void **state)
{
	struct sim *sim = sim_new(1);
	struct sim_host *host = sim_add(sim, false);

	(void)state;
	host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
	assert_true(sim_run(sim, "10001-10060", INT64_C(200000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	printf("# 60 closed ports, 1/s burst 6: %.2f s (floor 54), %llu probes\n",
	       (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9,
	       (unsigned long long)sim->hosts[0].probes);
	assert_true(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns <= INT64_C(56000000000));
	assert_true(sim->hosts[0].probes <= 60 * 1.3 + 50);
	assert_int_equal(sim->limits, 1);
	assert_true(sim->last_limit.icmp_per_s == 1.0);
	assert_int_equal(sim->last_limit.burst, 6);
	sim_free(sim);
}

/* The mixed host that other scanners get wrong: 29 closed, 3 answering, 4 silent, 14 dropped. */
static void test_mixed_host(void **state)
{
	struct sim *sim = sim_new(2);
	struct sim_host *host = sim_add(sim, false);

	(void)state;
	host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
	for (int i = 0; i < 50; i++)
		host->ports[10001 + i * 7 % 50] = i < 29   ? SIM_CLOSED
		                                  : i < 32 ? SIM_ANSWERS
		                                  : i < 36 ? SIM_SILENT
		                                           : SIM_DROPPED;
	assert_true(sim_run(sim, "10001-10050", INT64_C(200000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	printf("# mixed host of 50: %.2f s (floor 23), %llu probes\n",
	       (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9,
	       (unsigned long long)sim->hosts[0].probes);
	assert_true(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns <= INT64_C(28000000000));
	sim_free(sim);
}

static void test_unlimited_all_ports(void **state)
{
	struct sim *sim = sim_new(3);

	(void)state;
	sim_add(sim, false);
	assert_true(sim_run(sim, "-", INT64_C(20000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	printf("# 65535 closed ports without a limit, 0.2 ms away: %.2f s, %llu probes\n",
	       (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9,
	       (unsigned long long)sim->hosts[0].probes);
	assert_true(sim->hosts[0].probes <= 65535 * 1.3 + 50);
	sim_free(sim);
}

static void test_silent_host(void **state)
{
	struct sim *sim = sim_new(4);
	struct sim_host *host = sim_add(sim, true);

	(void)state;
	for (int i = 0; i < 65536; i++)
		host->ports[i] = SIM_DROPPED;
	host->ports[10005] = SIM_ANSWERS;
	assert_true(sim_run(sim, "10001-10100", INT64_C(60000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	assert_int_equal(sim->verdicts[10005].state, PORT_OPEN);
	assert_string_equal(sim->verdicts[10001].reason, "no-response");
	sim_free(sim);
}

/* Silent services that have payloads of their own, some of them several, beside closed ports. */
static void test_silent_services(void **state)
{
	static const uint16_t silent[] = {53, 69, 111, 123, 137, 161, 162, 500};
	struct sim *sim = sim_new(5);
	struct sim_host *host = sim_add(sim, false);

	(void)state;
	host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		host->ports[silent[i]] = SIM_SILENT;
	host->ports[7] = SIM_ANSWERS;
	assert_true(sim_run(sim,
	                    "7,53,69,111,123,137,161,162,500,514,623,1194,1434,1900,4500,5060,5353,11211,31337,40000",
	                    INT64_C(40000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	sim_free(sim);
}

/* Right after another scan the bucket is empty: closed ports stay silent at first. */
static void test_empty_bucket_at_start(void **state)
{
	(void)state;
	for (int spent = 3; spent <= 6; spent++) {
		struct sim *sim = sim_new(6);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6, .spent = spent};
		for (uint16_t port = 10011; port <= 10020; port++)
			host->ports[port] = SIM_DROPPED;
		assert_true(sim_run(sim, "10001-10020", INT64_C(60000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

/* What an earlier run knew about the host's refusals still proves silence. */
static void test_resumed(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RESUMED_IN_CHECK; seed++) {
		bool exact = scenario_resumed(seed, NULL);

		if (!exact)
			printf("# seed %llu, resumed: not exact; replay: test_sim resumed %llu\n",
			       (unsigned long long)seed, (unsigned long long)seed);
		wrong += !exact;
	}
	assert_int_equal(wrong, 0);
}

/* A host that disappears: when it comes back all is exact; when it does not, that is noticed, and nothing is guessed. */
static void test_gone(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= GONE_IN_CHECK; seed++) {
		bool back = scenario_gone(seed, false, NULL), gone = scenario_gone(seed, true, NULL);

		if (!back || !gone)
			printf("# seed %llu, host gone: wrong; replay: test_sim %s %llu\n", (unsigned long long)seed,
			       back ? "gone" : "away", (unsigned long long)seed);
		wrong += !back + !gone;
	}
	assert_int_equal(wrong, 0);
}

/* --max-rate spreads what would be sent at once; proofs must still come together. */
/* Found by a single refusal, answers no echo, and none of its ports says anything, for longer than any host is silent: it is there all
 * the same, and its ports are open|filtered, not unknown. */
static void test_firewall(void **state)
{
	enum { PORTS = 2000 };
	char ports[32];

	(void)state;
	snprintf(ports, sizeof(ports), "10001-%d", 10000 + PORTS);
	for (int answers = 0; answers < 2; answers++) {
		struct sim *sim = sim_new(11);
		struct sim_host *host = sim_add(sim, true);

		host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
		host->rtt_ns = 150000000;
		host->echo_ignored = true;
		host->ports[40125] = SIM_CLOSED;
		for (int i = 0; i < PORTS; i++)
			host->ports[10001 + i] = SIM_DROPPED;
		if (answers)
			host->ports[10007] = SIM_ANSWERS;
		assert_true(sim_run(sim, ports, INT64_C(3600000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

static void test_max_rate(void **state)
{
	static const double rates[] = {10, 30, 250, 1000};

	(void)state;
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct sim *sim = sim_new(7);

		for (int i = 0; i < 4; i++) {
			struct sim_host *host = sim_add(sim, false);

			host->ports[10007] = SIM_SILENT;
			if (i == 3)
				host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
		}
		sim->config.max_rate = rates[r];
		assert_true(sim_run(sim, "10001-10020", INT64_C(600000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		assert_true((double)sim->sent <= rates[r] * ((double)sim->now_ns / 1e9 - 1) + rates[r] / 50 + 3);
		sim_free(sim);
	}
}

/* A slow line on the way: loss grows with the rate, so the rate has to fall. */
static void test_congestion(void **state)
{
	static const struct {
		double per_s, queue;
	} lines[] = {{2000, 50}, {500, 20}, {10000, 200}};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sim *sim = sim_new(9);
		struct sim_host *host = sim_add(sim, true);
		double took_s;

		host->rtt_ns = 20000000;
		host->line_per_s = lines[i].per_s;
		host->line_queue = lines[i].queue;
		assert_true(sim_run(sim, "1-10000", INT64_C(600000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		took_s = (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9;
		printf("# 10000 closed ports behind a line of %.0f/s, queue %.0f: %.2f s (floor %.2f), %llu probes\n",
		       lines[i].per_s, lines[i].queue, took_s, 10000 / lines[i].per_s,
		       (unsigned long long)sim->hosts[0].probes);
		assert_true(sim->hosts[0].probes <= 10000 * 1.3);
		assert_true(took_s <= 10000 / lines[i].per_s * 2.2 + 1);
		sim_free(sim);
	}
}

/* Many sources: each has a bucket of its own at the host, and the host a limit over all. */
/* A router that rejects has one limit for all hosts behind it: what one of them got, another one did not. */
static void test_shared_router(void **state)
{
	enum { SEEDS = 40, HOSTS = 3 };

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim *sim = sim_new(seed);

		for (int i = 0; i < HOSTS; i++) {
			struct sim_host *host = sim_add(sim, true);

			host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
			host->router = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 5, .burst = 4};
			host->same_router = i > 0;
			host->rtt_ns = 300000;
			host->jitter_ns = 50000;
			for (uint16_t port = 20001; port <= 20030; port++)
				host->ports[port] = port % 2 ? SIM_CLOSED : SIM_ROUTER;
		}
		assert_true(sim_run(sim, "20001-20030", INT64_C(600000000000)));
		if (sim_wrong(sim, stderr) != 0)
			fail_msg("seed %llu: ports are wrong", (unsigned long long)seed);
		sim_free(sim);
	}
}

/* Few ports, many sources, buckets that another scan had nearly emptied: the first source learns nothing of the limit, and the others
 * are not to wait for it. */
static void test_sources_without_a_limit_learnt(void **state)
{
	static const unsigned seeds[] = {76, 98, 191};

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct sim *sim = sim_new(seeds[i]);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = (struct sim_limiter){
		        .kind = SIM_BUCKET, .rate = 1, .burst = 6, .spent = 3 + seeds[i] * 7 % 31 / 10.0};
		host->rtt_ns = 100000;
		host->jitter_ns = 30000;
		for (unsigned n = 0; n < 50; n++)
			host->ports[20001 + (n * 7 + seeds[i]) % 50] = n < 29   ? SIM_CLOSED
			                                               : n < 32 ? SIM_ANSWERS
			                                               : n < 36 ? SIM_SILENT
			                                                        : SIM_DROPPED;
		sim_sources(sim, 16);
		assert_true(sim_run(sim, "20001-20050", INT64_C(40000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

static void test_many_sources(void **state)
{
	static const struct {
		size_t sources;
		const char *ports;
		double floor_s, most_s;
	} cases[] = {{2, "10001-10060", 24, 29}, {64, "10001-11000", 9.625, 14.5}, {250, "1-65535", 256.14, 290}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) - SANITIZED; i++) {
		struct sim *sim = sim_new(8);
		struct sim_host *host = sim_add(sim, false);
		double took_s;

		host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
		host->host_wide = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1000, .burst = 50};
		for (uint16_t port = 10003; port < 11000; port = (uint16_t)(port + 97))
			host->ports[port] = SIM_SILENT;
		sim_sources(sim, cases[i].sources);
		assert_true(sim_run(sim, cases[i].ports, INT64_C(900000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		took_s = (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9;
		printf("# %zu sources, ports %s: %.2f s (floor %.2f), %llu probes\n", cases[i].sources, cases[i].ports,
		       took_s, cases[i].floor_s, (unsigned long long)sim->hosts[0].probes);
		assert_true(took_s <= cases[i].most_s);
		sim_free(sim);
	}
}

/* Cisco IOS: one error each 500 ms. Of 100 ports `closed` refuse; takes how long, against (closed - 1) / 2 seconds. */
static double one_at_a_time(int closed, int64_t rtt_ns, double loss, uint64_t *probes)
{
	struct sim *sim = sim_new(7);
	struct sim_host *host = sim_add(sim, true);
	double took_s;

	host->limiter = (struct sim_limiter){.kind = SIM_INTERVAL, .window_ns = INT64_C(500000000)};
	host->rtt_ns = rtt_ns;
	host->loss_there = host->loss_back = loss;
	for (int i = 0; i < 100; i++)
		host->ports[10001 + i * 37 % 100] = i < closed ? SIM_CLOSED : i % 10 == 0 ? SIM_ANSWERS : SIM_DROPPED;
	assert_true(sim_run(sim, "10001-10100", INT64_C(300000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	assert_int_equal(sim->limits, 1);
	assert_true(sim->last_limit.icmp_per_s == 2.0);
	assert_int_equal(sim->last_limit.burst, 1);
	took_s = (double)(host->settled_ns - host->first_probe_ns) / 1e9;
	*probes = host->probes;
	printf("# one error each 500 ms, %d of 100 closed, round trip %.0f ms, loss %.2f: %.2f s (floor %.2f), %llu "
	       "probes\n",
	       closed, (double)rtt_ns / 1e6, loss, took_s, (closed - 1) / 2.0 + (double)rtt_ns / 1e9,
	       (unsigned long long)*probes);
	sim_free(sim);
	return took_s;
}

static void test_one_error_at_a_time(void **state)
{
	const int64_t ms = 1000000;
	uint64_t probes;

	(void)state;
	assert_true(one_at_a_time(100, 1 * ms, 0, &probes) < 49.5 * 1.01);
	assert_true(probes <= 100 * 1.3 + 50);
	/* A round trip longer than the interval: asks go out by the clock. */
	assert_true(one_at_a_time(100, 700 * ms, 0, &probes) < 49.5 * 1.03 + 3);
	/* The silent ones are proved on the way, and by one error at the end. */
	assert_true(one_at_a_time(60, 1 * ms, 0, &probes) < 29.5 * 1.02 + 1);
	/* Errors that were lost on their way back took their time all the same: some ten of them. */
	assert_true(one_at_a_time(100, 20 * ms, 0.1, &probes) < 49.5 * 1.3);
}

/* Four addresses of ours, each with a limit of its own: four times as fast, also beside silent ports. */
static void test_one_error_at_a_time_for_each_source(void **state)
{
	struct sim *sim = sim_new(8);
	struct sim_host *host = sim_add(sim, false);
	double took_s;

	(void)state;
	host->limiter = (struct sim_limiter){.kind = SIM_INTERVAL, .window_ns = INT64_C(500000000)};
	for (int i = 0; i < 200; i++)
		host->ports[10001 + i * 37 % 200] = i < 130 ? SIM_CLOSED : i % 10 == 0 ? SIM_ANSWERS : SIM_DROPPED;
	sim_sources(sim, 4);
	assert_true(sim_run(sim, "10001-10200", INT64_C(300000000000)));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	took_s = (double)(host->settled_ns - host->first_probe_ns) / 1e9;
	printf("# one error each 500 ms for each of 4 sources, 130 of 200 closed: %.2f s (floor 16), %llu probes\n",
	       took_s, (unsigned long long)host->probes);
	assert_true(took_s < 22);
	sim_free(sim);
}

static void assert_exact(const uint64_t *seeds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool exact = scenario_exact(seeds[i]);

		if (!exact)
			print_error("replay with: test_sim one %llu\n", (unsigned long long)seeds[i]);
		assert_true(exact);
	}
}

/* A bucket that fills a little more slowly than one each 500 ms, on a path with loss, must not be taken for that: refusals that stay
 * away would prove ports silent. Seeds that found that. */
static void test_nearly_one_at_a_time(void **state)
{
	static const uint64_t seeds[] = {1592, 4437, 300002};

	(void)state;
	assert_exact(seeds, sizeof(seeds) / sizeof(seeds[0]));
}

/* Limits that are none of those in wide use: every token is taken as it comes, and windows are asked for all at once when they open. */
static void test_other_limits(void **state)
{
	static const struct {
		const char *name;
		struct sim_limiter limiter;
		int closed, ports;
		double floor_s, most_s;
		size_t sources;
	} cases[] = {
	        {"10 each 100 ms", {.kind = SIM_WINDOW, .burst = 10, .window_ns = 100000000}, 100, 100, 0.9, 0.95, 1},
	        {"100 each second", {.kind = SIM_WINDOW, .burst = 100, .window_ns = 1000000000}, 150, 150, 1, 1.05, 1},
	        {"10 each 100 ms", {.kind = SIM_WINDOW, .burst = 10, .window_ns = 100000000}, 70, 140, 0.6, 2, 1},
	        {"5/s burst 20", {.kind = SIM_BUCKET, .rate = 5, .burst = 20}, 120, 120, 20, 21, 1},
	        {"5/s burst 20", {.kind = SIM_BUCKET, .rate = 5, .burst = 20}, 60, 120, 8, 9.8, 1},
	        {"5/s burst 6",
	         {.kind = SIM_BUCKET, .rate = 5, .burst = 6},
	         60,
	         120,
	         10.8,
	         13.5,
	         1}, /* Linux, 200 ms */
	        {"20/s burst 6", {.kind = SIM_BUCKET, .rate = 20, .burst = 6}, 100, 200, 4.7, 5.3, 1},  /* 50 ms */
	        {"0.5/s burst 6", {.kind = SIM_BUCKET, .rate = 0.5, .burst = 6}, 60, 120, 108, 124, 1}, /* 2 s */
	        {"5/s burst 20", {.kind = SIM_BUCKET, .rate = 5, .burst = 20}, 300, 300, 26, 29, 2},
	        {"1000/s burst 50", {.kind = SIM_BUCKET, .rate = 1000, .burst = 50}, 100, 150, 0.05, 0.7, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim *sim = sim_new(10);
		struct sim_host *host = sim_add(sim, false);
		char ports[32];
		double took_s;

		host->limiter = cases[i].limiter;
		host->rtt_ns = 1000000;
		for (int k = cases[i].closed; k < cases[i].ports; k++)
			host->ports[10001 + k * 37 % cases[i].ports] = SIM_DROPPED;
		if (cases[i].sources > 1)
			sim_sources(sim, cases[i].sources);
		snprintf(ports, sizeof(ports), "10001-%d", 10000 + cases[i].ports);
		assert_true(sim_run(sim, ports, INT64_C(300000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		took_s = (double)(host->settled_ns - host->first_probe_ns) / 1e9;
		printf("# %s, %d of %d closed, %zu sources: %.2f s (floor %.2f), %llu probes\n", cases[i].name,
		       cases[i].closed, cases[i].ports, cases[i].sources, took_s, cases[i].floor_s,
		       (unsigned long long)host->probes);
		assert_true(took_s <= cases[i].most_s);
		if (cases[i].closed == cases[i].ports && cases[i].sources == 1)
			assert_true((double)host->probes <= cases[i].ports * 1.3 + 50);
		sim_free(sim);
	}
}

/* No clock runs like another: over a thousand tokens a few parts in ten thousand are more than what the count may be off. */
static void test_clock_drift(void **state)
{
	static const double rates[] = {0.9998, 0.9995, 1.0005, 0.998};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]) - 2 * SANITIZED; i++) {
		struct sim *sim = sim_new(20);
		struct sim_host *host = sim_add(sim, false);
		double took_s, floor_s = (700 - 6) / rates[i];

		host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = rates[i], .burst = 6};
		for (int n = 0; n < 300; n++)
			host->ports[10001 + n * 7 % 1000] = n % 2 ? SIM_SILENT : SIM_DROPPED;
		assert_true(sim_run(sim, "10001-11000", INT64_C(2000000000000)));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		took_s = (double)(sim->hosts[0].settled_ns - sim->hosts[0].first_probe_ns) / 1e9;
		printf("# 700 closed and 300 silent ports, %.4f errors/s: %.1f s (floor %.1f), %llu probes\n", rates[i],
		       took_s, floor_s, (unsigned long long)sim->hosts[0].probes);
		assert_true(took_s <= 1.05 * floor_s);
		sim_free(sim);
	}
}

/* Scenarios that went wrong at some time, most of them far beyond those that test_random_scenarios runs. */
/* Limits that give their errors in windows, all ports closed and half of them: one volley for each window. */
static void test_windows(void **state)
{
	static const struct {
		double burst;
		int64_t window_ms, most_ms[2]; /* all closed; half of them */
	} limits[] = {{10, 100, {1150, 800}}, {100, 1000, {1050, 300}}, {200, 1000, {50, 300}}};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (unsigned half = 0; half < 2; half++) {
			struct sim *sim = sim_new(31);
			struct sim_host *host = sim_add(sim, false);

			host->limiter = (struct sim_limiter){.kind = SIM_WINDOW,
			                                     .burst = limits[i].burst,
			                                     .window_ns = limits[i].window_ms * 1000000};
			for (uint16_t port = 10001; half && port <= 10120; port += 2)
				host->ports[port] = SIM_DROPPED;
			assert_true(sim_run(sim, "10001-10120", INT64_C(60000000000)));
			assert_int_equal(sim_wrong(sim, stderr), 0);
			printf("# %.0f errors each %lld ms, %s: %.3f s, %llu probes\n", limits[i].burst,
			       (long long)limits[i].window_ms, half ? "60 of 120 ports closed" : "120 ports closed",
			       (double)(host->settled_ns - host->first_probe_ns) / 1e9,
			       (unsigned long long)host->probes);
			assert_true(host->settled_ns - host->first_probe_ns <= limits[i].most_ms[half] * 1000000);
			assert_true(half || host->probes <= 120 * 1.3 + 50);
			sim_free(sim);
		}
}

/* Limits that look like those in windows, and are others: a little longer, fewer, more, and buckets that give as many a second. What
 * illumos has is one of these: 10 at once, then one each 100 ms. */
static void test_nearly_windows(void **state)
{
	static const struct sim_limiter limits[] = {
	        {.kind = SIM_WINDOW, .burst = 9, .window_ns = 100000000},
	        {.kind = SIM_WINDOW, .burst = 12, .window_ns = 100000000},
	        {.kind = SIM_WINDOW, .burst = 10, .window_ns = 110000000},
	        {.kind = SIM_WINDOW, .burst = 10, .window_ns = 90000000},
	        {.kind = SIM_WINDOW, .burst = 92, .window_ns = 1000000000},
	        {.kind = SIM_WINDOW, .burst = 100, .window_ns = 1020000000},
	        {.kind = SIM_BUCKET, .burst = 10, .rate = 10},
	        {.kind = SIM_BUCKET, .burst = 10, .rate = 100},
	        {.kind = SIM_BUCKET, .burst = 11, .rate = 80},
	        {.kind = SIM_BUCKET, .burst = 100, .rate = 100},
	};
	static const int64_t rtts_us[] = {200, 20000, 60000, 115000, 300000};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (size_t r = 0; r < sizeof(rtts_us) / sizeof(rtts_us[0]); r++)
			for (unsigned kind = 0; kind < 4; kind++) {
				struct sim *sim = sim_new(32 + kind);
				struct sim_host *host = sim_add(sim, true);

				host->limiter = limits[i];
				host->rtt_ns = rtts_us[r] * 1000;
				host->jitter_ns = kind & 1 ? host->rtt_ns / 5 : 0;
				for (uint16_t port = 10001; kind & 2 && port <= 10150; port += 3)
					host->ports[port] = SIM_SILENT;
				assert_true(sim_run(sim, "10001-10150", INT64_C(600000000000)));
				assert_int_equal(sim_wrong(sim, stderr), 0);
				sim_free(sim);
			}
}

static void test_seeds_once_wrong(void **state)
{
	static const uint64_t seeds[] = {404,     734,     851,     2213,    2273,    3267,    4923,    5778,
	                                 6227,    9423,    9584,    10756,   13058,   14466,   15824,   19048,
	                                 100066,  100793,  102263,  102639,  104704,  105756,  102889,  125453,
	                                 127027,  207303,  507606,  107208,  108083,  109180,  109523,  112917,
	                                 115741,  212172,  212466,  305429,  337818,  402299,  417449,  500127,
	                                 500218,  501560,  602040,  615632,  826345,  1107761, 1121564, 1242716,
	                                 2001180, 2304041, 1002328, 1212622, 1503344, 1311295, 2003553, 3007934};

	(void)state;
	assert_exact(seeds, sizeof(seeds) / sizeof(seeds[0]));
}

static void test_random_scenarios(void **state)
{
	(void)state;
	assert_int_equal(scenario_many(1, SCENARIOS_IN_CHECK, stdout), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_all_closed_default_linux),
	        cmocka_unit_test(test_mixed_host),
	        cmocka_unit_test(test_unlimited_all_ports),
	        cmocka_unit_test(test_silent_host),
	        cmocka_unit_test(test_silent_services),
	        cmocka_unit_test(test_empty_bucket_at_start),
	        cmocka_unit_test(test_resumed),
	        cmocka_unit_test(test_gone),
	        cmocka_unit_test(test_firewall),
	        cmocka_unit_test(test_max_rate),
	        cmocka_unit_test(test_congestion),
	        cmocka_unit_test(test_shared_router),
	        cmocka_unit_test(test_many_sources),
	        cmocka_unit_test(test_sources_without_a_limit_learnt),
	        cmocka_unit_test(test_one_error_at_a_time),
	        cmocka_unit_test(test_one_error_at_a_time_for_each_source),
	        cmocka_unit_test(test_nearly_one_at_a_time),
	        cmocka_unit_test(test_other_limits),
	        cmocka_unit_test(test_clock_drift),
	        cmocka_unit_test(test_windows),
	        cmocka_unit_test(test_nearly_windows),
	        cmocka_unit_test(test_seeds_once_wrong),
	        cmocka_unit_test(test_random_scenarios),
	};

	if (argc == 3 && strcmp(argv[1], "one") == 0)
		return scenario_one(strtoull(argv[2], NULL, 0), stdout) ? 0 : 1;
	if (argc == 3 && strcmp(argv[1], "resumed") == 0)
		return scenario_resumed(strtoull(argv[2], NULL, 0), stdout) ? 0 : 1;
	if (argc == 3 && (strcmp(argv[1], "gone") == 0 || strcmp(argv[1], "away") == 0))
		return scenario_gone(strtoull(argv[2], NULL, 0), argv[1][0] == 'g', stdout) ? 0 : 1;
	if (argc == 4 && strcmp(argv[1], "many") == 0)
		return scenario_many(strtoull(argv[2], NULL, 0), strtoul(argv[3], NULL, 0), stdout) ? 1 : 0;
	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
