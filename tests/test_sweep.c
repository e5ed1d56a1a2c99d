/* test_sweep.c: sweeps of simulated networks: nobody is missed, nothing is invented, and what is odd is noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/sweep.h"
#include "sim/sweepnet.h"

#define SECOND_NS INT64_C(1000000000)

/* The same for an address in every run. */
static uint32_t mixed(uint32_t addr)
{
	uint32_t x = addr * 0x9e3779b1u;

	x = (x ^ x >> 15) * 0x85ebca77u;
	return x ^ x >> 13;
}

static enum sweepnet_kind one_in_thousand(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	return mixed(addr) % 1000 == 0 ? NET_ALIVE : NET_SILENT;
}

static enum sweepnet_kind one_in_fifty(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	return mixed(addr) % 50 == 0 ? NET_ALIVE : NET_SILENT;
}

static enum sweepnet_kind all(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	(void)addr;
	return NET_ALIVE;
}

static enum sweepnet_kind nobody(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	(void)addr;
	return NET_SILENT;
}

static enum sweepnet_kind of_all_kinds(const struct sweepnet *net, uint32_t addr)
{
	static const enum sweepnet_kind kinds[] = {NET_ALIVE,      NET_TIMESTAMP_ONLY, NET_UDP_ONLY, NET_UNREACHABLE,
	                                           NET_PROHIBITED, NET_SILENT,         NET_SILENT,   NET_SILENT};

	(void)net;
	return kinds[mixed(addr) % 8];
}

static void assert_exact(const struct sweepnet *net, uint64_t addresses)
{
	assert_int_equal(net->wrong, 0);
	assert_int_equal(net->disordered, 0);
	assert_int_equal(net->unknown, 0);
	assert_int_equal(net->up + net->down, addresses);
	assert_int_equal(net->told_up, net->up);
	assert_int_equal(net->progress.hosts_up, net->up);
	assert_int_equal(net->progress.hosts_down, net->down);
	assert_int_equal(net->progress.hosts_finished, addresses);
	assert_false(net->rtt_wrong);
}

static void loss_misses_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct sweepnet net = {.kind = one_in_thousand,
		                       .loss = 0.02,
		                       .seed = seed,
		                       .targets = "10.0.0.0/14",
		                       .config.max_retries = -1};

		assert_true(sweepnet_run(&net, 600 * SECOND_NS));
		assert_exact(&net, 1 << 18);
		assert_in_range(net.up, 200, 330);
	}
}

static void heavy_loss_takes_more_passes(void **state)
{
	struct sweepnet net = {
	        .kind = one_in_fifty, .loss = 0.3, .seed = 3, .targets = "10.0.0.0/16", .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 600 * SECOND_NS));
	assert_exact(&net, 65536);
	/* Random loss is not taken for our own doing for long: half a million probes at 20,000/s and more. */
	assert_true(net.took_ns < 60 * SECOND_NS);
}

static void everybody_answers(void **state)
{
	struct sweepnet net = {.kind = all, .seed = 4, .targets = "10.0.0.0/15", .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_exact(&net, 1 << 17);
	assert_int_equal(net.down, 0);
	/* One pass, and one canary in 128 at most. */
	assert_in_range(net.sent, 1 << 17, (1 << 17) + (1 << 10) + 2);
	/* Done as soon as the last has answered. */
	assert_true(net.took_ns < SECOND_NS);
	assert_int_equal(net.notes, 1);
	assert_string_equal(net.note_code, "one-answers-for-all");
	assert_non_null(strstr(net.note_text, "131072 addresses 10.0.0.0-10.1.255.255"));
}

static void a_slow_path_is_found_out(void **state)
{
	struct sweepnet net = {.kind = one_in_fifty,
	                       .most_per_s = 30000,
	                       .seed = 5,
	                       .targets = "10.0.0.0/14",
	                       .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 600 * SECOND_NS));
	assert_exact(&net, 1 << 18);
	/* Most of what was sent came through. */
	assert_true(net.dropped * 4 < net.sent);
}

static void every_kind_of_host(void **state)
{
	struct sweepnet net = {.kind = of_all_kinds,
	                       .seed = 6,
	                       .router = 0x01020304,
	                       .targets = "10.0.0.0/16",
	                       .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_exact(&net, 65536);
	assert_in_range(net.up, 20000, 29000);
	assert_int_equal(net.notes, 0);
}

static void methods_are_obeyed(void **state)
{
	struct sweepnet net = {.kind = of_all_kinds, .seed = 6, .router = 0x01020304, .targets = "10.0.0.0/18"};
	uint64_t alive = 0;

	(void)state;
	for (uint32_t addr = 0x0a000000; addr < 0x0a004000; addr++)
		alive += of_all_kinds(&net, addr) == NET_ALIVE;
	net.config.discovery = DISCOVER_ECHO;
	net.config.max_retries = 0;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_int_equal(net.up, alive);
	assert_in_range(net.sent, 16384, 16384 + 16384 / 32 + 2); /* one echo each, canaries, the gateway */
}

static void on_the_link_by_arp(void **state)
{
	struct sweepnet net = {.kind = one_in_fifty,
	                       .loss = 0.01,
	                       .seed = 7,
	                       .on_link = true,
	                       .targets = "10.0.0.0/16",
	                       .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_exact(&net, 65536);
	assert_string_equal(net.reason, "no-arp-reply");
	assert_true(net.took_ns < 8 * SECOND_NS);
}

static void targets_with_holes(void **state)
{
	struct sweepnet net = {.kind = one_in_fifty,
	                       .seed = 8,
	                       .targets = "10.3.0.0/20 10.1.0-15.1-9,77 10.3.4.0/24 255.255.255.255",
	                       .excludes = "10.3.1.0/24 10.1.3.5",
	                       .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_int_equal(net.disordered, 0);
	assert_int_equal(net.up + net.down, 4096 - 256 + 16 * 10 - 1 + 1);
	assert_int_equal(net.wrong, 0);
	assert_string_equal(net.reason, "no-route"); /* of 255.255.255.255, the last */
}

static void shards_are_the_whole(void **state)
{
	struct sweepnet whole = {
	        .kind = one_in_fifty, .seed = 9, .targets = "10.0.0.0/18 10.9.0.0/22", .config.max_retries = -1};
	uint64_t up = 0, down = 0;

	(void)state;
	assert_true(sweepnet_run(&whole, 60 * SECOND_NS));
	for (uint32_t number = 1; number <= 7; number++) {
		struct sweepnet part = {.kind = one_in_fifty,
		                        .seed = number,
		                        .targets = "10.0.0.0/18 10.9.0.0/22",
		                        .config.max_retries = -1};

		part.config.shard = (struct shard){number, 7};
		assert_true(sweepnet_run(&part, 60 * SECOND_NS));
		assert_int_equal(part.wrong, 0);
		assert_int_equal(part.disordered, 0);
		up += part.up;
		down += part.down;
	}
	assert_int_equal(up, whole.up);
	assert_int_equal(down, whole.down);
}

static enum sweepnet_kind only_twice(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	return addr == 0x0a0004d2 ? NET_TWICE : NET_SILENT;
}

static enum sweepnet_kind one_by_router(const struct sweepnet *net, uint32_t addr)
{
	(void)net;
	return addr == 0x0a000063 ? NET_OTHER : addr == net->router ? NET_ALIVE : NET_SILENT;
}

static void odd_answers_are_noted(void **state)
{
	struct sweepnet twice = {.kind = only_twice, .seed = 1, .targets = "10.0.0.0/18", .config.max_retries = -1};
	struct sweepnet other = {.kind = one_by_router,
	                         .seed = 1,
	                         .router = 0x0a000001,
	                         .targets = "10.0.0.0/18",
	                         .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&twice, 60 * SECOND_NS));
	assert_exact(&twice, 16384);
	assert_int_equal(twice.notes, 1);
	assert_string_equal(twice.note_code, "duplicate-replies");
	assert_true(sweepnet_run(&other, 60 * SECOND_NS));
	assert_exact(&other, 16384);
	assert_int_equal(other.up, 1);
	assert_string_equal(other.note_code, "answered-by-other-address");
	assert_non_null(strstr(other.note_text, "10.0.0.1 answered"));
}

static void forged_answers_are_rejected(void **state)
{
	struct sweepnet net = {
	        .kind = one_in_fifty, .forged = true, .seed = 2, .targets = "10.0.0.0/18", .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_exact(&net, 16384);
	assert_true(net.progress.rejected >= net.up);
	assert_int_equal(net.notes, 0);
}

static void failed_sends_lose_nobody(void **state)
{
	struct sweepnet net = {
	        .kind = one_in_fifty, .fail_every = 7, .seed = 2, .targets = "10.0.0.0/18", .config.max_retries = 0};

	(void)state;
	assert_true(sweepnet_run(&net, 600 * SECOND_NS));
	assert_exact(&net, 16384);
}

static void an_interrupted_sweep_guesses_nothing(void **state)
{
	struct sweepnet net = {.kind = one_in_fifty,
	                       .stop_ns = SECOND_NS / 20,
	                       .seed = 2,
	                       .targets = "10.0.0.0/14",
	                       .config.max_retries = -1};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_int_equal(net.wrong, 0);
	assert_int_equal(net.disordered, 0);
	assert_true(net.up > 0 && net.up == net.told_up);
	assert_int_equal(net.down, 0);
	assert_int_equal(net.up + net.unknown, 1 << 18);
}

static void rates_are_obeyed(void **state)
{
	struct sweepnet net = {
	        .kind = nobody, .seed = 2, .targets = "10.0.0.0/19", .config.max_retries = 0, .config.max_rate = 1000};
	struct sweepnet least = {.kind = one_in_fifty,
	                         .most_per_s = 1000,
	                         .seed = 2,
	                         .targets = "10.0.0.0/17",
	                         .config.max_retries = 0,
	                         .config.min_rate = 100000};

	(void)state;
	assert_true(sweepnet_run(&net, 60 * SECOND_NS));
	assert_in_range(net.took_ns / 1000000, 8100, 9000);
	assert_true(sweepnet_run(&least, 60 * SECOND_NS));
	assert_true(least.took_ns < 1500 * INT64_C(1000000)); /* 0.33 s, and the wait for answers */
}

static void small_scans_are_none(void **state)
{
	struct target_set *few = target_set_new(), *many = target_set_new();
	struct network network = {0};
	struct engine_config config = {.targets = few, .network = &network};
	struct port_list ports = {0};
	struct err err;

	(void)state;
	assert_true(target_set_add(few, "10.0.0.0/22", NULL, &err));
	assert_true(target_set_add(many, "10.0.0.0/21", NULL, &err));
	assert_false(sweep_fits(&config));
	config.targets = many;
	assert_true(sweep_fits(&config));
	config.ports = &ports;
	assert_false(sweep_fits(&config));
	config.ports = NULL;
	config.host_timeout_ns = 1;
	assert_false(sweep_fits(&config));
	config.host_timeout_ns = 0;
	assert_true(target_set_add(many, "2001:db8::1", NULL, &err));
	assert_false(sweep_fits(&config));
	target_set_free(few);
	target_set_free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(loss_misses_nobody),
	        cmocka_unit_test(heavy_loss_takes_more_passes),
	        cmocka_unit_test(everybody_answers),
	        cmocka_unit_test(a_slow_path_is_found_out),
	        cmocka_unit_test(every_kind_of_host),
	        cmocka_unit_test(methods_are_obeyed),
	        cmocka_unit_test(on_the_link_by_arp),
	        cmocka_unit_test(targets_with_holes),
	        cmocka_unit_test(shards_are_the_whole),
	        cmocka_unit_test(odd_answers_are_noted),
	        cmocka_unit_test(forged_answers_are_rejected),
	        cmocka_unit_test(failed_sends_lose_nobody),
	        cmocka_unit_test(an_interrupted_sweep_guesses_nothing),
	        cmocka_unit_test(rates_are_obeyed),
	        cmocka_unit_test(small_scans_are_none),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
