/* test_watch.c: which changes are told, when, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/hash.h"
#include "nscan/watch.h"
#include "support/report_fixture.h"

struct told {
	char text[4096]; /* "3 192.168.0.100 up>down; " for each: round, who, what */
	size_t count;
};

static void tell(void *context, const struct watch_change *change)
{
	struct told *told = context;
	char addr[ADDR_TEXT_BYTES];
	size_t used = strlen(told->text);

	told->count++;
	snprintf(told->text + used, sizeof(told->text) - used, "%u %s", (unsigned)change->round,
	         addr_format(&change->addr, addr) + 9);
	used = strlen(told->text);
	if (change->is_port)
		snprintf(told->text + used, sizeof(told->text) - used, ":%u", change->port);
	used = strlen(told->text);
	snprintf(told->text + used, sizeof(told->text) - used, " %s>%s; ", change->from, change->to);
}

/* One round: a letter for each host: U up, D down, ? unknown. */
static struct watch_round round_of(struct watch *watch, const char *states, bool sound)
{
	struct watch_round round;

	watch_begin_round(watch);
	for (uint64_t i = 0; states[i]; i++) {
		struct event event = states[i] == 'U'   ? event_up(i)
		                     : states[i] == 'D' ? event_down(i, "no-arp-reply", NULL)
		                                        : event_unknown(i);
		assert_true(watch_event(watch, &event));
		event = event_done(i);
		assert_true(watch_event(watch, &event));
	}
	watch_end_round(watch, sound, &round);
	return round;
}

static void test_transitions(void **state)
{
	struct told told = {0};
	struct watch *watch = watch_new(NULL, tell, &told);
	struct watch_round round;

	(void)state;
	round = round_of(watch, "UUD", true);
	assert_string_equal(told.text, ""); /* the first state is no change */
	assert_int_equal(round.up, 2);
	assert_int_equal(round.down, 1);
	round_of(watch, "UDD", true);
	round_of(watch, "UDD", true);
	round = round_of(watch, "UUU", true);
	assert_int_equal(round.changes, 2);
	round_of(watch, "???", true);
	assert_string_equal(told.text, "2 .101 up>down; 4 .101 down>up; 4 .102 down>up; ");
	assert_int_equal(watch_target(watch, 1)->changes, 2);
	assert_int_equal(watch_target(watch, 1)->rounds_known, 4);
	assert_int_equal(watch_target(watch, 1)->rounds_up, 2);
	watch_free(watch);
}

/* Silence while the own link was down says nothing; an answer does. */
static void test_unsound_round(void **state)
{
	struct told told = {0};
	struct watch *watch = watch_new(NULL, tell, &told);
	struct watch_round round;

	(void)state;
	round_of(watch, "UD", true);
	round = round_of(watch, "DU", false);
	assert_string_equal(told.text, "2 .101 down>up; ");
	assert_int_equal(round.up, 2);
	assert_int_equal(watch_target(watch, 0)->rounds_known, 1);
	round_of(watch, "UU", true);
	assert_int_equal(told.count, 1);
	watch_free(watch);
}

/* Who is unknown at first and shows later is told, but that is no change of state. */
static void test_first_seen_late(void **state)
{
	struct told told = {0};
	struct watch *watch = watch_new(NULL, tell, &told);

	(void)state;
	round_of(watch, "?U", true);
	round_of(watch, "UU", true);
	assert_string_equal(told.text, "2 .100 unknown>up; ");
	assert_int_equal(watch_target(watch, 0)->changes, 0);
	watch_free(watch);
}

static void ask_ports(struct watch *watch, enum port_state a, enum port_state b)
{
	struct event events[] = {event_up(0), event_port(0, 53, a, "udp-response"),
	                         event_port(0, 161, b, "port-unreach"), event_port(0, 7, PORT_OPEN, "udp-response"),
	                         event_done(0)};
	struct watch_round round;

	watch_begin_round(watch);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		assert_true(watch_event(watch, &events[i]));
	watch_end_round(watch, true, &round);
}

static void test_ports(void **state)
{
	static uint16_t numbers[] = {53, 161};
	const struct port_list ports = {numbers, 2};
	struct told told = {0};
	struct watch *watch = watch_new(&ports, tell, &told);

	(void)state;
	ask_ports(watch, PORT_OPEN, PORT_CLOSED);
	ask_ports(watch, PORT_UNKNOWN, PORT_CLOSED);
	ask_ports(watch, PORT_OPEN, PORT_FILTERED);
	round_of(watch, "D", true);
	ask_ports(watch, PORT_CLOSED, PORT_FILTERED);
	assert_string_equal(told.text,
	                    "3 .100:161 closed>filtered; 4 .100 up>down; 5 .100 down>up; 5 .100:53 open>closed; ");
	watch_free(watch);
}

/* A sweep tells silent addresses in runs. */
static void test_swept(void **state)
{
	struct told told = {0};
	struct watch *watch = watch_new(NULL, tell, &told);
	struct event run = event_down(0, "no-response", NULL), up = event_up(3);
	struct watch_round round;

	(void)state;
	run.kind = EVENT_SWEPT;
	run.u.swept = (struct swept_event){.host = {.state = HOST_DOWN, .reason = "no-response"}, .count = 5};
	round_of(watch, "UDDUD", true);
	watch_begin_round(watch);
	assert_true(watch_event(watch, &up));
	run.u.swept.count = 3;
	assert_true(watch_event(watch, &run));
	watch_end_round(watch, true, &round);
	assert_string_equal(told.text, "2 .100 up>down; ");
	run.ordinal = WATCH_MOST_TARGETS;
	assert_false(watch_event(watch, &run));
	watch_free(watch);
}

/* Many hosts that come and go at random: each change is told once, in its round, and nothing else is. */
static void test_random_lan(void **state)
{
	enum { HOSTS = 101, ROUNDS = 300 };
	char states[HOSTS + 1] = {0}, before[HOSTS + 1];
	struct told told = {0};
	struct watch *watch = watch_new(NULL, tell, &told);
	struct rng rng = rng_from_seed(5);

	(void)state;
	memset(states, 'D', HOSTS);
	for (int round = 0; round < ROUNDS; round++) {
		size_t wanted = 0;

		memcpy(before, states, sizeof(before));
		for (int i = 0; i < HOSTS; i++) {
			if (rng_below(&rng, 50) == 0)
				states[i] = states[i] == 'U' ? 'D' : 'U';
			wanted += round > 0 && states[i] != before[i];
		}
		told = (struct told){0};
		assert_int_equal(round_of(watch, states, true).changes, wanted);
		assert_int_equal(told.count, wanted);
		for (size_t i = 0; i < HOSTS; i++)
			assert_int_equal(watch_target(watch, i)->state, states[i] == 'U' ? HOST_UP : HOST_DOWN);
	}
	watch_free(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_transitions),     cmocka_unit_test(test_unsound_round),
	        cmocka_unit_test(test_first_seen_late), cmocka_unit_test(test_ports),
	        cmocka_unit_test(test_swept),           cmocka_unit_test(test_random_lan),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
