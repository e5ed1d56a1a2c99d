/* test_engine.c: the engine's promises beside the states of ports: hosts, forgeries, send errors, interruption, resuming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

static const struct sim_limiter default_linux = {.kind = SIM_BUCKET, .rate = 1, .burst = 6};

static void test_hosts(void **state)
{
	struct sim *sim = sim_new(11);

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct sim_host *host = sim_add(sim, i >= 20);

		host->alive = i % 3 != 0;
		host->echo_ignored = i % 4 == 0;
		host->limiter = default_linux;
		host->rtt_ns = i * MS;
	}
	assert_true(sim_run(sim, "", 60 * SECOND));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	assert_string_equal(sim->host_verdicts[1].reason, "arp-reply");
	assert_true(sim->host_verdicts[1].has_rtt && sim->host_verdicts[1].has_mac);
	assert_string_equal(sim->host_verdicts[0].reason, "no-arp-reply");
	assert_string_equal(sim->host_verdicts[22].reason, "echo-reply");
	assert_string_equal(sim->host_verdicts[28].reason, "port-unreach"); /* ignores echo and timestamp */
	assert_string_equal(sim->host_verdicts[21].reason, "no-response");
	assert_int_equal(sim->progress.hosts_up, 26);
	assert_int_equal(sim->progress.hosts_down, 14);
	sim_free(sim);
}

static void test_lossy_lan(void **state)
{
	struct sim *sim = sim_new(12);

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct sim_host *host = sim_add(sim, false);

		host->alive = i % 3 == 0;
		host->loss_there = host->loss_back = 0.10;
	}
	assert_true(sim_run(sim, "", 60 * SECOND));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	sim_free(sim);
}

/* A forger who knows addresses, held ports and asked ports, 4000 forgeries a second. */
static void test_forged_replies_change_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct sim *sim = sim_new(100 + seed);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = default_linux;
		for (uint16_t port = 10001; port <= 10010; port++)
			host->ports[port] = SIM_SILENT;
		host->ports[10011] = host->ports[10012] = SIM_ANSWERS;
		sim->forge_gap_ns = MS / 2;
		assert_true(sim_run(sim, "10001-10030", 120 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		assert_true(sim->progress.rejected > 10000);
		sim_free(sim);
	}
}

/* RFC 6864 lets a middlebox rewrite the IP ID. Then what an error quotes of an empty datagram proves nothing, and is no forgery; what it
 * quotes of one with a nonce still proves. */
static void test_ip_ids_rewritten(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct sim *sim = sim_new(300 + seed);
		struct sim_host *host = sim_add(sim, false);

		if (seed % 2)
			host->limiter = default_linux;
		host->ports[161] = host->ports[10003] = SIM_ANSWERS;
		host->ports[10004] = SIM_SILENT;
		sim->ids_rewritten = true;
		assert_true(sim_run(sim, "53,161,500,10001-10030", 200 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

/* A service may answer one of its port's requests only, and in a way that proves nothing: then that one is asked again, and often
 * enough where somebody forges. */
static void test_one_of_several_payloads(void **state)
{
	static const uint16_t ports[] = {161, 427, 623, 5632, 8303, 10005 /* of no known service */};

	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		struct sim *sim = sim_new(200 + round);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = default_linux;
		for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
			host->ports[ports[i]] = SIM_PARTICULAR;
		for (uint32_t port = 1; port <= 0xffff && round % 3 == 1; port++)
			if (host->ports[port] == SIM_CLOSED)
				host->ports[port] = SIM_DROPPED; /* nothing refuses */
		sim->forge_gap_ns = round % 3 == 2 ? 20 * MS : 0;
		assert_true(sim_run(sim, "161,427,623,5632,8303,10001-10020", 120 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		/* Every payload once, and the one that is answered once more. */
		for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]) && sim->forge_gap_ns == 0; i++)
			assert_int_equal(sim->verdicts[ports[i]].probes, payload_turns(sim->book, ports[i]) + 1);
		sim_free(sim);
	}
}

static void test_send_errors_lose_nothing(void **state)
{
	static const unsigned every[] = {2, 3, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		struct sim *sim = sim_new(13);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = default_linux;
		host->ports[10003] = SIM_ANSWERS;
		host->ports[10004] = SIM_DROPPED;
		sim_add(sim, true)->echo_ignored = true;
		sim->fail_every = every[i];
		assert_true(sim_run(sim, "10001-10020", 120 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		assert_true(sim->progress.send_errors > 5);
		sim_free(sim);
	}
}

/* Nothing can be sent at all: the scan ends, and nothing is guessed. */
static void test_nothing_can_be_sent(void **state)
{
	struct sim *sim = sim_new(14);

	(void)state;
	sim_add(sim, false);
	sim_add(sim, true);
	sim->fail_every = 1;
	assert_true(sim_run(sim, "10001-10005", 120 * SECOND));
	assert_int_equal(sim->host_verdicts[0].state, HOST_UNKNOWN);
	assert_string_equal(sim->host_verdicts[0].reason, "send-failed");
	assert_true(sim->host_done[0] && sim->host_done[1]);
	sim_free(sim);
}

/* Ctrl-C in the middle: what is known stays, what is not is unknown, everything is told. */
static void test_interrupted(void **state)
{
	struct sim *sim = sim_new(15);
	size_t unknown = 0, closed = 0;

	(void)state;
	sim_add(sim, false)->limiter = default_linux;
	sim_add(sim, false)->alive = false;
	sim->stop_ns = sim->now_ns + 10 * SECOND;
	assert_true(sim_run(sim, "10001-10050", 120 * SECOND));
	assert_true(sim->host_done[0] && sim->host_done[1]);
	for (uint16_t port = 10001; port <= 10050; port++) {
		const struct sim_verdict *verdict = &sim->verdicts[port];

		assert_non_null(verdict->reason);
		unknown += verdict->state == PORT_UNKNOWN;
		closed += verdict->state == PORT_CLOSED;
		if (verdict->state == PORT_UNKNOWN)
			assert_string_equal(verdict->reason, "unresolved");
	}
	assert_int_equal(unknown + closed, 50);
	assert_in_range(closed, 13, 17);
	sim_free(sim);
}

static void test_host_timeout(void **state)
{
	struct sim *sim = sim_new(16);
	int64_t start_ns = sim->now_ns;

	(void)state;
	sim_add(sim, false)->limiter = default_linux;
	sim_add(sim, false);
	sim->config.host_timeout_ns = 5 * SECOND;
	assert_true(sim_run(sim, "10001-10050", 120 * SECOND));
	assert_in_range(sim->hosts[0].settled_ns - start_ns, 5 * SECOND, 5 * SECOND + 10 * MS);
	assert_int_equal(sim->verdicts[10050].state == PORT_UNKNOWN || sim->verdicts[10050].state == PORT_CLOSED, 1);
	assert_int_equal(sim->verdicts[65536 + 10050].state, PORT_CLOSED);
	sim_free(sim);
}

/* A router refuses for the host, within its own limit; with and without refusals of the host itself. */
static void test_router_refuses(void **state)
{
	(void)state;
	for (int mix = 0; mix < 60; mix++) {
		struct sim *sim = sim_new(18 + (uint64_t)mix);
		struct sim_host *host = sim_add(sim, true);

		host->limiter = host->router = default_linux;
		for (uint16_t port = 10001; port <= 10030; port++)
			host->ports[port] = port <= 10015  ? SIM_ROUTER
			                    : mix % 3 == 0 ? SIM_DROPPED
			                    : mix % 3 == 1 ? SIM_CLOSED
			                    : port % 2     ? SIM_CLOSED
			                                   : SIM_SILENT;
		assert_true(sim_run(sim, "10001-10030", 300 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

/* Sources that hear nothing (firewalled, taken over by a rival): the others do their work. */
static void test_deaf_sources(void **state)
{
	static const uint32_t deaf[] = {1, 8, 9, 0x7f};

	(void)state;
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++) {
		struct sim *sim = sim_new(21 + i);
		struct sim_host *host = sim_add(sim, false);

		host->limiter = default_linux;
		host->ports[10007] = host->ports[10008] = SIM_SILENT;
		sim_sources(sim, 8);
		sim->deaf = deaf[i];
		assert_true(sim_run(sim, "10001-10060", 200 * SECOND));
		assert_int_equal(sim_wrong(sim, stderr), 0);
		sim_free(sim);
	}
}

static void test_host_rate(void **state)
{
	struct sim *sim = sim_new(17);
	int64_t start_ns = sim->now_ns;

	(void)state;
	sim_add(sim, false);
	sim->config.max_host_rate = 5;
	assert_true(sim_run(sim, "10001-10020", 120 * SECOND));
	assert_int_equal(sim_wrong(sim, stderr), 0);
	assert_true(sim->now_ns - start_ns >= 19 * SECOND / 5);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hosts),
	        cmocka_unit_test(test_lossy_lan),
	        cmocka_unit_test(test_forged_replies_change_nothing),
	        cmocka_unit_test(test_ip_ids_rewritten),
	        cmocka_unit_test(test_one_of_several_payloads),
	        cmocka_unit_test(test_send_errors_lose_nothing),
	        cmocka_unit_test(test_nothing_can_be_sent),
	        cmocka_unit_test(test_interrupted),
	        cmocka_unit_test(test_host_timeout),
	        cmocka_unit_test(test_host_rate),
	        cmocka_unit_test(test_deaf_sources),
	        cmocka_unit_test(test_router_refuses),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
