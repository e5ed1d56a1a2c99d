/* test_path.c: whole scans over simulated paths: what is told of path MTU and fragments, from how many packets, in what time.
 *
 *   test_path                what `make check` runs
 *   test_path one SEED       one random path, traced
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

enum { UNLIKELY = 40125 };

/* One path and what has to be told of it. */
struct expected {
	const char *name;
	uint32_t our_mtu;
	struct sim_path path;
	bool routed;
	bool echo_ignored;
	bool full;
	const char *ports; /* "": hosts only */
	struct mtu_event mtu;
	const char *note; /* NULL: none */
	uint32_t most_frames;
	int64_t most_ns;
};

#define ROUTER(i)                                                                                                      \
	{                                                                                                              \
		4,                                                                                                     \
		{                                                                                                      \
			10, 9, 0, 1 + (i)                                                                              \
		}                                                                                                      \
	}
#define PASS    FRAGMENTS_PASS
#define DROPPED FRAGMENTS_DROPPED

static const struct expected cases[] = {
        {"direct 1500",
         1500,
         {.host_mtu = 0},
         .most_frames = 3,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"direct 1500 beside ports",
         1500,
         {.host_mtu = 0},
         .ports = "1-60",
         .most_frames = 3,
         .most_ns = 120 * SECOND,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"behind 1400",
         1500,
         {.routers = {{.mtu = 1400}}, .router_count = 1},
         .routed = true,
         .mtu = {.path_mtu = 1400,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(0),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"behind 1400, then 1280",
         1500,
         {.routers = {{.mtu = 1400}, {.mtu = 1280}}, .router_count = 2},
         .routed = true,
         .mtu = {.path_mtu = 1280,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(1),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"behind one byte less",
         1500,
         {.routers = {{.mtu = 1499}}, .router_count = 1},
         .routed = true,
         .mtu = {.path_mtu = 1499,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(0),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"9000 end to end",
         9000,
         {.host_mtu = 0},
         .most_frames = 3,
         .mtu = {.path_mtu = 9000, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"9000 behind a router",
         9000,
         {.routers = {{.mtu = 9000}}, .router_count = 1},
         .routed = true,
         .most_frames = 3,
         .mtu = {.path_mtu = 9000, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"9000 with a host of 1500",
         9000,
         {.host_mtu = 1500},
         .note = "mtu-mismatch",
         .mtu = {.path_mtu = 1500, .how = MTU_BY_SEARCH, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"9000 with a host of 4352",
         9000,
         {.host_mtu = 4352},
         .note = "mtu-mismatch",
         .most_frames = 24,
         .mtu = {.path_mtu = 4352, .how = MTU_BY_SEARCH, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"1500 with a host of 9000",
         1500,
         {.host_mtu = 9000},
         .note = "mtu-mismatch",
         .most_frames = 30,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .host_mtu = 9000}},
        {"1400, silent",
         1500,
         {.routers = {{.mtu = 1400, .silent = true}}, .router_count = 1},
         .routed = true,
         .note = "mtu-black-hole",
         .most_frames = 24,
         .most_ns = 5 * SECOND,
         .mtu = {.path_mtu = 1400,
                 .how = MTU_BY_SEARCH,
                 .verified = true,
                 .black_hole = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"1433, silent",
         1500,
         {.routers = {{.mtu = 1433, .silent = true}}, .router_count = 1},
         .routed = true,
         .note = "mtu-black-hole",
         .most_frames = 40,
         .most_ns = 5 * SECOND,
         .mtu = {.path_mtu = 1433,
                 .how = MTU_BY_SEARCH,
                 .verified = true,
                 .black_hole = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"9000, then 1492 silent",
         9000,
         {.routers = {{.mtu = 9000}, {.mtu = 1492, .silent = true}}, .router_count = 2},
         .routed = true,
         .note = "mtu-black-hole",
         .most_frames = 30,
         .most_ns = 5 * SECOND,
         .mtu = {.path_mtu = 1492,
                 .how = MTU_BY_SEARCH,
                 .verified = true,
                 .black_hole = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"a claim of 1400, then 1380 silent",
         1500,
         {.routers = {{.mtu = 1400}, {.mtu = 1380, .silent = true}}, .router_count = 2},
         .routed = true,
         .note = "mtu-black-hole",
         .most_frames = 40,
         .most_ns = 5 * SECOND,
         .mtu = {.path_mtu = 1380,
                 .how = MTU_BY_SEARCH,
                 .verified = true,
                 .black_hole = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"an old router names no MTU: 1492",
         1500,
         {.routers = {{.mtu = 1492, .names_none = true}}, .router_count = 1},
         .routed = true,
         .mtu = {.path_mtu = 1492,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(0),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"an old router names no MTU: 1350",
         1500,
         {.routers = {{.mtu = 1350, .names_none = true}}, .router_count = 1},
         .routed = true,
         .most_frames = 40,
         .mtu = {.path_mtu = 1350,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(0),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"echo ignored, direct",
         1500,
         {.host_mtu = 0},
         .echo_ignored = true,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS}},
        {"echo ignored, behind 1400, then 1280",
         1500,
         {.routers = {{.mtu = 1400}, {.mtu = 1280}}, .router_count = 2},
         .routed = true,
         .echo_ignored = true,
         .most_frames = 16,
         .mtu = {.path_mtu = 1280, .how = MTU_BY_CLAIM, .from = ROUTER(1), .verified = true, .to_host = PASS}},
        {"echo ignored, 1400 silent",
         1500,
         {.routers = {{.mtu = 1400, .silent = true}}, .router_count = 1},
         .routed = true,
         .echo_ignored = true,
         .note = "mtu-black-hole",
         .most_frames = 24,
         .most_ns = 5 * SECOND,
         .mtu = {.path_mtu = 1400, .how = MTU_BY_SEARCH, .verified = true, .black_hole = true, .to_host = PASS}},
        {"echo ignored, 1400 silent, beside ports",
         1500,
         {.routers = {{.mtu = 1400, .silent = true}}, .router_count = 1},
         .routed = true,
         .echo_ignored = true,
         .note = "mtu-black-hole",
         .most_frames = 40,
         .most_ns = 120 * SECOND,
         .ports = "1-60",
         .mtu = {.path_mtu = 1400, .how = MTU_BY_SEARCH, .verified = true, .black_hole = true, .to_host = PASS}},
        {"echo ignored, 9000 with a host of 1500",
         9000,
         {.host_mtu = 1500},
         .echo_ignored = true,
         .note = "mtu-mismatch",
         .mtu = {.path_mtu = 1500, .how = MTU_BY_SEARCH, .verified = true, .to_host = PASS}},
        {"no fragments there",
         1500,
         {.no_fragments_there = true},
         .most_frames = 16,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = DROPPED}},
        {"no fragments back",
         1500,
         {.no_fragments_back = true},
         .routed = true,
         .most_frames = 16,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = DROPPED}},
        {"no fragments back, on the link",
         1500,
         {.no_fragments_back = true},
         .most_frames = 24,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = DROPPED}},
        {"no fragments there, by UDP",
         1500,
         {.no_fragments_there = true},
         .echo_ignored = true,
         .most_frames = 20,
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = DROPPED}},
        {"a narrower way back",
         1500,
         {.back_mtu = 1333},
         .routed = true,
         .most_frames = 8,
         .mtu = {.path_mtu = 1500,
                 .how = MTU_BY_INTERFACE,
                 .verified = true,
                 .return_mtu = 1333,
                 .to_host = PASS,
                 .from_host = PASS}},
        {"a narrow and silent way back",
         1500,
         {.back_mtu = 1400, .back_silent = true},
         .routed = true,
         .most_frames = 40,
         .most_ns = 5 * SECOND,
         .note = "mtu-black-hole",
         .mtu = {.path_mtu = 1500,
                 .how = MTU_BY_INTERFACE,
                 .verified = true,
                 .black_hole = true,
                 .return_mtu = 1400,
                 .to_host = PASS}},
        {"a filter of long echo messages",
         1500,
         {.echo_most = 1024},
         .routed = true,
         .most_frames = 40,
         .most_ns = 5 * SECOND,
         .note = "long-echo-filtered",
         .mtu = {.path_mtu = 1500, .how = MTU_BY_INTERFACE, .verified = true, .to_host = PASS, .from_host = PASS}},
        {"in every detail",
         1500,
         {.routers = {{.mtu = 1400}}, .router_count = 1},
         .routed = true,
         .full = true,
         .most_frames = 24,
         .mtu = {.path_mtu = 1400,
                 .how = MTU_BY_CLAIM,
                 .from = ROUTER(0),
                 .verified = true,
                 .to_host = PASS,
                 .from_host = PASS,
                 .reversed = PASS,
                 .tiny_first = PASS}},
};

static struct sim *sim_of(const struct expected *c, uint64_t seed)
{
	struct sim *sim = sim_new(seed);
	struct sim_host *host = sim_add(sim, c->routed);

	host->path = c->path;
	host->echo_ignored = c->echo_ignored;
	host->limiter = (struct sim_limiter){.kind = SIM_BUCKET, .rate = 1, .burst = 6};
	sim->network.interfaces[0].mtu_bytes = c->our_mtu;
	sim->config.pmtu = c->full ? PMTU_FULL : PMTU_USUAL;
	return sim;
}

static bool told(const struct sim *sim, const char *code)
{
	for (size_t i = 0; i < sim->notes && i < sizeof(sim->note_codes) / sizeof(sim->note_codes[0]); i++)
		if (strcmp(sim->note_codes[i], code) == 0)
			return true;
	return false;
}

static void check(const struct expected *c, const struct sim *sim)
{
	const struct mtu_event *mtu = &sim->mtus[0];
	char from[ADDR_TEXT_BYTES];

	if (mtu->path_mtu != c->mtu.path_mtu || mtu->how != c->mtu.how || !addr_equal(&mtu->from, &c->mtu.from) ||
	    mtu->verified != c->mtu.verified || mtu->black_hole != c->mtu.black_hole ||
	    mtu->return_mtu != c->mtu.return_mtu || mtu->host_mtu != c->mtu.host_mtu ||
	    mtu->to_host != c->mtu.to_host || mtu->from_host != c->mtu.from_host || mtu->reversed != c->mtu.reversed ||
	    mtu->tiny_first != c->mtu.tiny_first)
		fail_msg("%s: told %u (%s from %s) verified %d hole %d, back %u, host %u, fragments %s/%s %s %s",
		         c->name, mtu->path_mtu, mtu_how_name(mtu->how), addr_format(&mtu->from, from), mtu->verified,
		         mtu->black_hole, mtu->return_mtu, mtu->host_mtu, fragments_name(mtu->to_host),
		         fragments_name(mtu->from_host), fragments_name(mtu->reversed),
		         fragments_name(mtu->tiny_first));
	assert_int_equal(mtu->interface_mtu, c->our_mtu);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *c = &cases[i];
		struct sim *sim = sim_of(c, i + 1);
		uint32_t most = c->most_frames ? c->most_frames : 12;
		int64_t most_ns = c->most_ns ? c->most_ns : 2 * SECOND, start_ns = sim->now_ns;

		assert_true(sim_run(sim, c->ports ? c->ports : "", 300 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		check(c, sim);
		if (sim->mtus[0].probes > most || sim->mtus[0].probes != sim->hosts[0].path.frames)
			fail_msg("%s: %u packets told, %u seen, of at most %u", c->name, sim->mtus[0].probes,
			         sim->hosts[0].path.frames, most);
		if (sim->now_ns - start_ns > most_ns)
			fail_msg("%s: took %.3f s", c->name, (double)(sim->now_ns - start_ns) / 1e9);
		assert_int_equal(sim->notes, c->note ? 1 : 0);
		assert_true(!c->note || told(sim, c->note));
		sim_free(sim);
	}
}

/* Somebody on the link answers every large probe with a perfect error, at once; true replies take longer. */
static void test_forged(void **state)
{
	static const struct expected direct = {.name = "forged", .our_mtu = 1500};
	static const uint16_t claims[] = {600, 68, 1400, 1499, 20, 1500, 9000};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		for (int slow = 0; slow < 2; slow++) {
			struct sim *sim = sim_of(&direct, i + 1);

			sim->hosts[0].rtt_ns = slow ? 80 * MS : MS / 5;
			sim->hosts[0].routed = false;
			sim->forge_mtu = claims[i];
			if (claims[i] >= 1500)
				sim->forge_mtu = 0;
			assert_true(sim_run(sim, "", 60 * SECOND));
			assert_int_equal(sim->mtus[0].path_mtu, 1500);
			assert_int_equal(sim->mtus[0].how, MTU_BY_INTERFACE);
			assert_true(sim->mtus[0].verified);
			if (claims[i] < 1500)
				assert_true(told(sim, claims[i] < 68 ? "absurd-frag-needed" : "forged-frag-needed"));
			sim_free(sim);
		}
	}
}

/* A host that answers nothing but ARP: nothing is made up, and it takes no time to speak of. */
static void test_mute(void **state)
{
	static const struct expected mute = {.name = "mute", .our_mtu = 1500, .echo_ignored = true};

	(void)state;
	for (int with_ports = 0; with_ports < 2; with_ports++) {
		struct sim *sim = sim_of(&mute, 1);
		int64_t start_ns = sim->now_ns;

		for (int port = 0; port < 65536; port++)
			sim->hosts[0].ports[port] = SIM_DROPPED;
		assert_true(sim_run(sim, with_ports ? "1-10" : "", 60 * SECOND));
		assert_int_equal(sim->mtus[0].path_mtu, 0);
		assert_int_equal(sim->mtus[0].to_host, FRAGMENTS_UNKNOWN);
		assert_true(sim->mtus[0].probes <= 12);
		assert_true(sim->now_ns - start_ns < (with_ports ? 10 : 5) * SECOND);
		sim_free(sim);
	}
}

/* Beside ports that are done in no time the path costs next to nothing; off, it costs nothing. */
static void test_cost(void **state)
{
	static const struct expected direct = {.name = "direct", .our_mtu = 1500};
	int64_t took_ns[2];

	(void)state;
	for (int on = 0; on < 2; on++) {
		struct sim *sim = sim_of(&direct, 1);
		int64_t start_ns = sim->now_ns;

		sim->hosts[0].limiter = (struct sim_limiter){.kind = SIM_UNLIMITED};
		sim->config.pmtu = on ? PMTU_USUAL : PMTU_OFF;
		assert_true(sim_run(sim, "1-20", 60 * SECOND));
		took_ns[on] = sim->now_ns - start_ns;
		assert_int_equal(sim->mtus[0].probes, on ? 3 : 0);
		sim_free(sim);
	}
	assert_true(took_ns[1] <= took_ns[0] + 2 * MS);
}

/* Interrupted in the middle: what is known is told, and the host is finished. */
static void test_interrupted(void **state)
{
	static const struct expected hole = {.name = "interrupted",
	                                     .our_mtu = 1500,
	                                     .routed = true,
	                                     .path = {.routers = {{.mtu = 1400, .silent = true}}, .router_count = 1}};

	(void)state;
	for (int64_t after_ms = 1; after_ms < 400; after_ms += 7) {
		struct sim *sim = sim_of(&hole, 1);

		sim->stop_ns = sim->now_ns + after_ms * MS;
		assert_true(sim_run(sim, "", 60 * SECOND));
		assert_true(sim->host_done[0]);
		assert_true(sim->mtus[0].path_mtu == 0 || sim->mtus[0].path_mtu == 1400);
		sim_free(sim);
	}
}

/* Sends that fail now and then change nothing. */
static void test_send_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim *sim = sim_of(&cases[i], i + 1);

		sim->fail_every = 9;
		assert_true(sim_run(sim, cases[i].ports ? cases[i].ports : "", 300 * SECOND));
		check(&cases[i], sim);
		sim_free(sim);
	}
}

static struct sim *random_path(uint64_t seed, uint32_t *truth, double *loss)
{
	struct rng rng = rng_from_seed(seed ^ 0x9a74);
	static const uint32_t ours[] = {1500, 1500, 9000, 1492, 4000};
	struct expected c = {.our_mtu = ours[rng_below(&rng, 5)], .routed = true};
	struct sim *sim;

	*truth = c.our_mtu;
	c.path.router_count = rng_below(&rng, SIM_ROUTERS + 1);
	for (size_t i = 0; i < c.path.router_count; i++) {
		struct sim_router *router = &c.path.routers[i];

		router->mtu = rng_below(&rng, 3) ? c.our_mtu : 576 + rng_below(&rng, c.our_mtu - 576);
		router->silent = rng_below(&rng, 3) == 0;
		router->names_none = rng_below(&rng, 6) == 0;
		*truth = router->mtu < *truth ? router->mtu : *truth;
	}
	c.echo_ignored = rng_below(&rng, 4) == 0;
	c.ports = rng_below(&rng, 2) ? "" : "1-30";
	sim = sim_of(&c, seed);
	*loss = rng_below(&rng, 2) ? 0 : 0.05 * rng_unit(&rng);
	sim->hosts[0].loss_there = sim->hosts[0].loss_back = *loss;
	sim->hosts[0].rtt_ns = (int64_t)((0.1 + 100 * rng_unit(&rng)) * 1e6);
	sim->hosts[0].jitter_ns = rng_below(&rng, 2) ? sim->hosts[0].rtt_ns / 4 : 0;
	if (rng_below(&rng, 3) == 0)
		sim->hosts[0].limiter = (struct sim_limiter){.kind = SIM_UNLIMITED};
	return sim;
}

/* Random paths: without loss the size is exact, always; with some, nearly always. The ports come out right all the same. */
static void test_random(void **state)
{
	enum { SEEDS = 1500 };
	unsigned wrong = 0, lossy = 0, lossy_wrong = 0, unknown = 0, frames = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint32_t truth;
		double loss;
		struct sim *sim = random_path(seed, &truth, &loss);
		bool right;

		assert_true(sim_run(sim, seed % 2 ? "" : "1-20", 600 * SECOND));
		if (sim_wrong(sim, stderr) != 0)
			fail_msg("seed %llu: ports are wrong", (unsigned long long)seed);
		right = sim->mtus[0].path_mtu == truth && sim->mtus[0].verified;
		unknown += sim->mtus[0].path_mtu == 0;
		frames += sim->mtus[0].probes;
		if (loss > 0) {
			lossy++;
			lossy_wrong += !right && sim->mtus[0].verified;
		} else if (!right) {
			wrong++;
			printf("# seed %llu: told %u verified %d, is %u\n", (unsigned long long)seed,
			       sim->mtus[0].path_mtu, sim->mtus[0].verified, truth);
		}
		sim_free(sim);
	}
	printf("# %d random paths: %u wrong; %u of %u with loss told wrongly as verified; %u unknown; %.1f packets "
	       "each\n",
	       SEEDS, wrong, lossy_wrong, lossy, unknown, (double)frames / SEEDS);
	assert_int_equal(wrong, 0);
	assert_true(lossy_wrong * 100 <= lossy);
	assert_true(unknown * 50 <= SEEDS);
}

/* Replays one random path, traced. */
static int replay(uint64_t seed)
{
	uint32_t truth;
	double loss;
	struct sim *sim = random_path(seed, &truth, &loss);
	const struct sim_path *path = &sim->hosts[0].path;

	sim->trace = stdout;
	printf("ours %u, loss %.3f, rtt %.2f ms, echo ignored %d, limiter %d\n", sim->network.interfaces[0].mtu_bytes,
	       loss, (double)sim->hosts[0].rtt_ns / 1e6, sim->hosts[0].echo_ignored, sim->hosts[0].limiter.kind);
	for (size_t i = 0; i < path->router_count; i++)
		printf("router of %u%s%s\n", path->routers[i].mtu, path->routers[i].silent ? ", silent" : "",
		       path->routers[i].names_none ? ", names none" : "");
	sim_run(sim, seed % 2 ? "" : "1-20", 600 * SECOND);
	printf("told %u, is %u\n", sim->mtus[0].path_mtu, truth);
	sim_free(sim);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cases),  cmocka_unit_test(test_forged),      cmocka_unit_test(test_mute),
	        cmocka_unit_test(test_cost),   cmocka_unit_test(test_interrupted), cmocka_unit_test(test_send_errors),
	        cmocka_unit_test(test_random),
	};

	if (argc == 3 && strcmp(argv[1], "one") == 0)
		return replay(strtoull(argv[2], NULL, 10));
	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
