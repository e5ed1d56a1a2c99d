/* test_observe.c: packets in, events out: what the captures of pcaps/ cannot show: selection, following, order, silence over many
 * rates, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/hash.h"
#include "nscan/observe.h"
#include "nscan/wire.h"

#define US      INT64_C(1000)
#define SECOND  INT64_C(1000000000)
#define ASKER   addr_from_v4(0xc0a80001)
#define ASKER_2 addr_from_v4(0xc0a80002)
#define HOST    addr_from_v4(0xc0a80064)
#define ROUTER  addr_from_v4(0xc0a800fe)

enum { EVENTS_MAX = 4096, CLIENT_PORT = 40000 };

struct seen {
	struct event events[EVENTS_MAX];
	size_t count;
};

static struct observer *start(struct observer_config config)
{
	struct observer *o = observer_new(&config, NULL);

	assert_non_null(o);
	return o;
}

static struct seen *seen_new(void)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		abort();
	return seen;
}

static void drain(struct observer *o, struct seen *seen)
{
	struct event event;

	while (observer_next_event(o, &event)) {
		assert_true(seen->count < EVENTS_MAX);
		seen->events[seen->count++] = event;
	}
}

static struct seen *finish(struct observer *o)
{
	struct seen *seen = seen_new();

	observer_finish(o);
	drain(o, seen);
	return seen;
}

static const struct event *find(const struct seen *seen, enum event_kind kind, struct addr addr, uint16_t port)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct event *event = &seen->events[i];

		if (event->kind == kind && addr_equal(&event->addr, &addr) &&
		    (kind != EVENT_PORT || event->u.port.port == port) &&
		    (kind != EVENT_NOTE || event->u.note.port == port))
			return event;
	}
	return NULL;
}

/* The same, which has to be there. */
static const struct event *get(const struct seen *seen, enum event_kind kind, struct addr addr, uint16_t port)
{
	const struct event *event = find(seen, kind, addr, port);

	if (event)
		return event;
	fail_msg("no event of kind %d about port %u", kind, port);
	abort();
}

static void expect_port(const struct seen *seen, struct addr addr, uint16_t port, enum port_state state,
                        const char *reason)
{
	const struct event *event = get(seen, EVENT_PORT, addr, port);

	if (event->u.port.state != state || strcmp(event->u.port.reason, reason) != 0)
		fail_msg("port %u is %s, %s; should be %s, %s", port, port_state_name(event->u.port.state),
		         event->u.port.reason, port_state_name(state), reason);
}

static void expect_host(const struct seen *seen, struct addr addr, enum host_state state, const char *reason)
{
	const struct event *event = get(seen, EVENT_HOST, addr, 0);

	assert_string_equal(event->u.host.reason, reason);
	assert_int_equal(event->u.host.state, state);
}

static struct reply datagram(struct addr src, uint16_t src_port, struct addr dst, uint16_t dst_port, uint16_t id)
{
	return (struct reply){.kind = REPLY_UDP,
	                      .src = src,
	                      .dst = dst,
	                      .src_port = src_port,
	                      .dst_port = dst_port,
	                      .protocol = IP_PROTO_UDP,
	                      .ip_id = id,
	                      .ttl = 64,
	                      .udp_checksum = (uint16_t)(id * 31 + dst_port),
	                      .ip_total_bytes = 60};
}

static void ask(struct observer *o, uint16_t port, int64_t at_ns)
{
	struct reply reply = datagram(ASKER, CLIENT_PORT, HOST, port, (uint16_t)(at_ns / 7 + port));

	observer_receive(o, &reply, at_ns);
}

static void answer(struct observer *o, uint16_t port, int64_t at_ns)
{
	struct reply reply = datagram(HOST, port, ASKER, CLIENT_PORT, (uint16_t)(at_ns / 5 + port));

	observer_receive(o, &reply, at_ns);
}

static struct reply error_about(const struct reply *asked, struct addr from, uint8_t code)
{
	return (struct reply){.kind = REPLY_ICMP_ERROR,
	                      .src = from,
	                      .dst = asked->src,
	                      .protocol = IP_PROTO_ICMP,
	                      .icmp_type = ICMP4_UNREACHABLE,
	                      .icmp_code = code,
	                      .ttl = 64,
	                      .quote = {.src = asked->src,
	                                .dst = asked->dst,
	                                .protocol = IP_PROTO_UDP,
	                                .ip_id = asked->ip_id,
	                                .has_ports = true,
	                                .src_port = asked->src_port,
	                                .dst_port = asked->dst_port,
	                                .has_udp_checksum = true,
	                                .udp_checksum = asked->udp_checksum,
	                                .udp_bytes = 40}};
}

static void ask_refused(struct observer *o, uint16_t port, int64_t at_ns)
{
	struct reply asked = datagram(ASKER, CLIENT_PORT, HOST, port, (uint16_t)(at_ns / 7 + port));
	struct reply error = error_about(&asked, HOST, ICMP4_CODE_PORT);

	observer_receive(o, &asked, at_ns);
	observer_receive(o, &error, at_ns + 100 * US);
}

static void questions_and_answers(void **state)
{
	struct observer *o = start((struct observer_config){0});
	struct observer_summary summary;
	struct seen *seen;
	const struct event *event;

	(void)state;
	ask(o, 161, SECOND);
	answer(o, 161, SECOND + 300 * US);
	ask_refused(o, 9, 2 * SECOND);
	ask(o, 514, 3 * SECOND);
	seen = finish(o);
	expect_host(seen, HOST, HOST_UP, "udp-response");
	expect_port(seen, HOST, 161, PORT_OPEN, "udp-response");
	expect_port(seen, HOST, 9, PORT_CLOSED, "port-unreach");
	expect_port(seen, HOST, 514, PORT_OPEN_FILTERED, "no-response");
	event = get(seen, EVENT_PORT, HOST, 161);
	assert_true(event->u.port.has_rtt);
	assert_int_equal(event->u.port.rtt_ns, 300 * US);
	assert_null(find(seen, EVENT_HOST, ASKER, 0)); /* asks, is not asked */
	assert_int_equal(seen->events[0].kind, EVENT_HOST);
	assert_int_equal(seen->events[seen->count - 1].kind, EVENT_HOST_DONE);
	observer_summarise(o, &summary);
	assert_int_equal(summary.asked, 3);
	assert_int_equal(summary.answered, 2);
	assert_int_equal(summary.hosts_up, 1);
	assert_int_equal(summary.first_ns, SECOND);
	assert_int_equal(summary.last_ns, 3 * SECOND);
	assert_false(summary.one_way);
	free(seen);
	observer_free(o);
}

/* Without follow nothing is told before the end, then hosts by address, ports by number. */
static void order_of_events(void **state)
{
	struct observer *o = start((struct observer_config){0});
	struct seen *seen;
	uint32_t last_host = 0, last_port = 0;

	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		struct addr host = addr_from_v4(0x0a000000 + i * 37 % 50);
		struct event event;

		for (uint16_t port = 300; port > 290; port--) {
			struct reply asked = datagram(ASKER, CLIENT_PORT, host, port, (uint16_t)i);

			observer_receive(o, &asked, SECOND + i);
		}
		assert_false(observer_next_event(o, &event));
	}
	seen = finish(o);
	assert_int_equal(seen->count, 50 * 12);
	for (size_t i = 0; i < seen->count; i++) {
		const struct event *event = &seen->events[i];

		assert_int_equal(event->ordinal, i / 12);
		assert_true(addr_v4(&event->addr) >= last_host);
		if (addr_v4(&event->addr) > last_host)
			last_port = 0;
		last_host = addr_v4(&event->addr);
		if (event->kind == EVENT_PORT) {
			assert_true(event->u.port.port > last_port);
			last_port = event->u.port.port;
		}
	}
	free(seen);
	observer_free(o);
}

/* Following: what becomes known is told at once; silence at the end; nothing twice. */
static void follow(void **state)
{
	struct observer *o = start((struct observer_config){.follow = true});
	struct seen *seen = seen_new();
	size_t before;

	(void)state;
	ask(o, 514, SECOND);
	drain(o, seen);
	assert_int_equal(seen->count, 0);
	ask(o, 161, SECOND);
	answer(o, 161, SECOND + 300 * US);
	drain(o, seen);
	assert_int_equal(seen->count, 2);
	expect_host(seen, HOST, HOST_UP, "udp-response");
	expect_port(seen, HOST, 161, PORT_OPEN, "udp-response");
	ask_refused(o, 9, 2 * SECOND);
	drain(o, seen);
	assert_int_equal(seen->count, 3);
	ask(o, 9, 3 * SECOND);
	answer(o, 9, 3 * SECOND + 100 * US); /* outweighs the refusal: told again */
	drain(o, seen);
	assert_int_equal(seen->count, 4);
	assert_int_equal(seen->events[3].u.port.state, PORT_OPEN);
	before = seen->count;
	observer_finish(o);
	drain(o, seen);
	for (size_t i = before; i < seen->count; i++) {
		assert_int_not_equal(seen->events[i].kind, EVENT_HOST);
		if (seen->events[i].kind == EVENT_PORT)
			assert_int_equal(seen->events[i].u.port.port, 514);
		assert_int_equal(seen->events[i].ordinal, 0);
	}
	assert_non_null(find(seen, EVENT_NOTE, HOST, 9));
	assert_int_equal(seen->events[seen->count - 1].kind, EVENT_HOST_DONE);
	free(seen);
	observer_free(o);
}

static void selection(void **state)
{
	struct target_set *targets = target_set_new(), *exclude = target_set_new();
	struct port_list ports, reported;
	struct observer_config config = {.targets = targets, .exclude = exclude, .ports = &ports};
	struct observer *o;
	struct seen *seen;

	(void)state;
	assert_true(target_set_add(targets, "192.168.0.0/24", NULL, NULL));
	assert_true(target_set_add(exclude, "192.168.0.103", NULL, NULL));
	assert_true(port_list_parse("53,161", &ports, NULL));
	o = start(config);
	for (uint32_t last = 100; last < 105; last++) {
		for (uint16_t port = 160; port < 163; port++) {
			struct reply asked =
			        datagram(ASKER, CLIENT_PORT,
			                 addr_from_v4((last == 104 ? 0x0a000000 : 0xc0a80000) + last), port, 1);

			observer_receive(o, &asked, SECOND);
		}
	}
	seen = finish(o);
	assert_int_equal(seen->count, 3 * 3);
	assert_null(find(seen, EVENT_HOST, addr_from_v4(0xc0a80067), 0));
	assert_null(find(seen, EVENT_HOST, addr_from_v4(0x0a000068), 0));
	assert_null(find(seen, EVENT_PORT, HOST, 160));
	assert_non_null(find(seen, EVENT_PORT, HOST, 161));
	assert_true(observer_ports(o, &reported));
	assert_int_equal(reported.count, 1);
	assert_int_equal(reported.ports[0], 161);
	port_list_free(&reported);
	free(seen);
	observer_free(o);

	config = (struct observer_config){.hosts_only = true};
	o = start(config);
	ask_refused(o, 9, SECOND);
	seen = finish(o);
	assert_int_equal(seen->count, 2);
	assert_int_equal(seen->events[0].kind, EVENT_HOST);
	free(seen);
	observer_free(o);
	port_list_free(&ports);
	target_set_free(targets);
	target_set_free(exclude);
}

/* A host with a bucket of ICMP errors, and what its observer may claim. */
struct bucket {
	double level, rate, burst;
	int64_t last_ns;
};

static bool take(struct bucket *b, int64_t now_ns)
{
	b->level += (double)(now_ns - b->last_ns) / (double)SECOND * b->rate;
	b->last_ns = now_ns;
	if (b->level > b->burst)
		b->level = b->burst;
	if (b->level < 1)
		return false;
	b->level -= 1;
	return true;
}

/* However a scanner goes about it, whatever the limit: a closed port is never called silent-while-refusing. */
static void silence_is_never_overrated(void **state)
{
	enum { RUNS = 400, PORTS = 40, ROUNDS = 6 };
	struct rng rng = rng_from_seed(20261120);
	unsigned proved = 0, silent = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		static const double rates[] = {0.5, 1, 1, 2, 10, 100, 1000, 1e9};
		struct observer *o = start((struct observer_config){0});
		struct bucket bucket = {.rate = rates[rng_below(&rng, 8)], .burst = 1 + rng_below(&rng, 10)};
		int64_t now_ns = SECOND, gap_ns = (int64_t)rng_below(&rng, 2000000) * US / (1 + rng_below(&rng, 2000));
		bool is_open[PORTS], refused[PORTS] = {false};
		struct seen *seen;

		bucket.level = bucket.burst;
		bucket.last_ns = now_ns;
		for (int i = 0; i < PORTS; i++)
			is_open[i] = rng_below(&rng, 4) == 0;
		for (int round = 0; round < ROUNDS; round++) {
			for (int i = 0; i < PORTS; i++) {
				uint16_t port = (uint16_t)(1000 + i);

				if (refused[i])
					continue;
				now_ns += gap_ns + (int64_t)rng_below(&rng, 20) * US;
				if (!is_open[i] && take(&bucket, now_ns)) {
					ask_refused(o, port, now_ns);
					refused[i] = true;
				} else {
					ask(o, port, now_ns);
				}
			}
			now_ns += (int64_t)rng_below(&rng, 3000000) * US;
		}
		seen = finish(o);
		for (int i = 0; i < PORTS; i++) {
			const struct event *event = get(seen, EVENT_PORT, HOST, (uint16_t)(1000 + i));
			bool claimed;

			claimed = strcmp(event->u.port.reason, "silent-while-refusing") == 0;
			if (claimed && !is_open[i])
				fail_msg("run %d: port %d is closed (rate %g, burst %g, gap %lld us)", run, 1000 + i,
				         bucket.rate, bucket.burst, (long long)(gap_ns / US));
			assert_int_equal(event->u.port.state, refused[i] ? PORT_CLOSED : PORT_OPEN_FILTERED);
			proved += claimed;
			silent += is_open[i];
		}
		free(seen);
		observer_free(o);
	}
	print_message("silent ports: %u, proved so: %u\n", silent, proved);
	assert_true(proved * 100 > silent); /* it does say so where it can */
}

/* The limit is told where questions in vain show it, and only there. */
static void limits(void **state)
{
	static const struct {
		double rate, burst;
		int64_t gap_ns;
		bool clear;
	} cases[] = {
	        {1, 6, SECOND / 4, true},      {2, 1, SECOND / 8, true},
	        {10, 6, SECOND / 50, true},    {200, 1, SECOND, false}, /* never met */
	        {1e9, 1, SECOND / 100, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct observer *o = start((struct observer_config){0});
		struct bucket bucket = {
		        .level = cases[i].burst, .rate = cases[i].rate, .burst = cases[i].burst, .last_ns = SECOND};
		int64_t now_ns = SECOND;
		const struct event *event;
		struct seen *seen;

		for (int n = 0; n < 300; n++) {
			uint16_t port = (uint16_t)(1000 + n / 6);

			now_ns += cases[i].gap_ns;
			if (take(&bucket, now_ns))
				ask_refused(o, port, now_ns);
			else
				ask(o, port, now_ns);
		}
		seen = finish(o);
		event = find(seen, EVENT_LIMIT, HOST, 0);
		assert_int_equal(event != NULL, cases[i].clear);
		if (event) {
			assert_float_equal(event->u.limit.icmp_per_s, cases[i].rate, 0.15 * cases[i].rate);
			assert_in_range(event->u.limit.burst, (unsigned)cases[i].burst, (unsigned)cases[i].burst + 1);
		}
		free(seen);
		observer_free(o);
	}
}

/* Lost packets look like a limit at first sight; they are none. */
static void loss_is_no_limit(void **state)
{
	struct rng rng = rng_from_seed(7);

	(void)state;
	for (int run = 0; run < 50; run++) {
		struct observer *o = start((struct observer_config){0});
		struct seen *seen;

		for (int n = 0; n < 300; n++) {
			uint16_t port = (uint16_t)(1000 + n / 3);
			int64_t at_ns = SECOND + n / 10 * (SECOND / 5) + n % 10 * 200 * US;

			if (rng_below(&rng, 10) > 0)
				ask_refused(o, port, at_ns);
			else
				ask(o, port, at_ns);
		}
		seen = finish(o);
		assert_null(find(seen, EVENT_LIMIT, HOST, 0));
		free(seen);
		observer_free(o);
	}
}

/* Packets in any order: the same report. */
static void any_order(void **state)
{
	enum { PACKETS = 60 };
	struct rng rng = rng_from_seed(3);
	struct reply packets[PACKETS];
	int64_t times[PACKETS];

	(void)state;
	for (int i = 0; i < PACKETS / 2; i++) {
		uint16_t port = (uint16_t)(100 + i);

		packets[2 * i] = datagram(ASKER, CLIENT_PORT, HOST, port, (uint16_t)(i + 1));
		times[2 * i] = SECOND + i * 10 * US;
		packets[2 * i + 1] = i % 2 ? error_about(&packets[2 * i], HOST, ICMP4_CODE_PORT)
		                           : datagram(HOST, port, ASKER, CLIENT_PORT, (uint16_t)(500 + i));
		times[2 * i + 1] = times[2 * i] + 100 * US;
	}
	for (int run = 0; run < 100; run++) {
		struct observer *o = start((struct observer_config){0});
		struct seen *seen;
		int order[PACKETS];

		for (int i = 0; i < PACKETS; i++) {
			int at = (int)rng_below(&rng, (uint32_t)i + 1);

			order[i] = order[at];
			order[at] = i;
		}
		for (int i = 0; i < PACKETS; i++)
			observer_receive(o, &packets[order[i]], times[order[i]]);
		seen = finish(o);
		for (int i = 0; i < PACKETS / 2; i++)
			expect_port(seen, HOST, (uint16_t)(100 + i), i % 2 ? PORT_CLOSED : PORT_OPEN,
			            i % 2 ? "port-unreach" : "udp-response");
		free(seen);
		observer_free(o);
	}
}

/* Memory is of hosts and ports: a million packets of one conversation add nothing but counts. */
static void many_packets_of_few(void **state)
{
	struct observer *o = start((struct observer_config){0});
	struct seen *seen;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		struct reply asked = datagram(ASKER, (uint16_t)(20000 + i % 40000), HOST, 53, (uint16_t)i);
		struct reply answered = datagram(HOST, 53, ASKER, (uint16_t)(20000 + i % 40000), (uint16_t)(i * 3));

		observer_receive(o, &asked, SECOND + i * US);
		observer_receive(o, &answered, SECOND + i * US + 10);
	}
	seen = finish(o);
	expect_port(seen, HOST, 53, PORT_OPEN, "udp-response");
	assert_int_equal(get(seen, EVENT_PORT, HOST, 53)->u.port.probes, 1000000);
	assert_int_equal(seen->count, 3);
	free(seen);
	observer_free(o);
}

/* Two askers have a bucket each at the host: one's refusals prove nothing about the other's silence. */
static void askers_have_their_own_order(void **state)
{
	struct observer *o = start((struct observer_config){0});
	struct seen *seen;

	(void)state;
	for (int volley = 0; volley < 6; volley++) {
		int64_t at_ns = SECOND * (1 + 20 * volley);
		struct reply asked = datagram(ASKER_2, 41000, HOST, 514, (uint16_t)(volley + 1));

		ask_refused(o, (uint16_t)(1000 + 4 * volley), at_ns);
		observer_receive(o, &asked, at_ns + 10 * US);
		ask_refused(o, (uint16_t)(1001 + 4 * volley), at_ns + 20 * US);
		ask_refused(o, (uint16_t)(1002 + 4 * volley), at_ns + 30 * US);
	}
	seen = finish(o);
	expect_port(seen, HOST, 514, PORT_OPEN_FILTERED, "no-response");
	free(seen);
	observer_free(o);
}

/* A router's refusals say nothing about what the host would refuse. */
static void routers_prove_no_silence(void **state)
{
	struct observer *o = start((struct observer_config){0});
	struct seen *seen;

	(void)state;
	for (int volley = 0; volley < 6; volley++) {
		for (int n = 0; n < 4; n++) {
			int64_t at_ns = SECOND * (1 + 20 * volley) + n * 10 * US;
			uint16_t port = (uint16_t)(n == 1 ? 514 : 1000 + 4 * volley + n);
			struct reply asked = datagram(ASKER, CLIENT_PORT, HOST, port, (uint16_t)(at_ns / 7));
			struct reply error = error_about(&asked, ROUTER, 13);

			observer_receive(o, &asked, at_ns);
			if (n != 1)
				observer_receive(o, &error, at_ns + 100 * US);
		}
	}
	seen = finish(o);
	expect_port(seen, HOST, 514, PORT_OPEN_FILTERED, "no-response");
	expect_port(seen, HOST, 1000, PORT_FILTERED, "admin-prohibited");
	expect_host(seen, HOST, HOST_UNKNOWN, "admin-prohibited");
	free(seen);
	observer_free(o);
}

/* Times that no clock ever showed (found by the fuzzer). */
static void extreme_times(void **state)
{
	static const int64_t times[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX - 1, INT64_MIN + 1};
	struct observer *o = start((struct observer_config){0});
	struct observer_summary summary;
	struct seen *seen;

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 5; k++) {
			struct reply asked =
			        datagram(ASKER, CLIENT_PORT, HOST, (uint16_t)(100 + 5 * i + k), (uint16_t)(i + 1));
			struct reply error = error_about(&asked, HOST, ICMP4_CODE_PORT);

			observer_receive(o, &asked, times[i]);
			observer_receive(o, &error, times[k]);
		}
	}
	seen = finish(o);
	for (uint16_t port = 100; port < 125; port++)
		expect_port(seen, HOST, port, PORT_CLOSED, "port-unreach");
	observer_summarise(o, &summary);
	assert_true(summary.last_ns - summary.first_ns > 0);
	free(seen);
	observer_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(questions_and_answers),
	        cmocka_unit_test(order_of_events),
	        cmocka_unit_test(follow),
	        cmocka_unit_test(selection),
	        cmocka_unit_test(silence_is_never_overrated),
	        cmocka_unit_test(limits),
	        cmocka_unit_test(loss_is_no_limit),
	        cmocka_unit_test(any_order),
	        cmocka_unit_test(many_packets_of_few),
	        cmocka_unit_test(askers_have_their_own_order),
	        cmocka_unit_test(routers_prove_no_silence),
	        cmocka_unit_test(extreme_times),
	};

	return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
