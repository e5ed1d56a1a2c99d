/* test_names.c: events pass the names in order, whether or not anybody can be asked. No name server is asked here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/cli/names.h"
#include "support/report_fixture.h"

struct heard {
	struct event events[64];
	char names[64][64];
	size_t count;
};

static void hear(void *context, const struct event *event)
{
	struct heard *heard = context;

	assert_true(heard->count < 64);
	if (event->kind == EVENT_HOST && event->u.host.name)
		strncpy(heard->names[heard->count], event->u.host.name, 63);
	heard->events[heard->count++] = *event;
}

static struct names *names_of(struct heard *heard, bool all, const char *servers)
{
	struct err err = {0};
	struct names *names = names_new(all, servers, hear, heard, &err);

	assert_non_null(names);
	return names;
}

static struct event host_at(const char *addr, uint64_t ordinal, enum event_kind kind)
{
	struct event event = kind == EVENT_HOST ? event_up(ordinal) : event_done(ordinal);

	event.addr = fixture_addr(addr);
	return event;
}

/* 127.0.0.1 is in every hosts file. */
static void test_hosts_file(void **state)
{
	struct heard heard = {0};
	struct names *names = names_of(&heard, false, NULL);
	struct event up = host_at("127.0.0.1", 0, EVENT_HOST), done = host_at("127.0.0.1", 0, EVENT_HOST_DONE);
	struct names_summary summary;

	(void)state;
	names_take(names, &up, 1);
	names_take(names, &done, 2);
	assert_true(names_done(names));
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.events[0].kind, EVENT_HOST);
	assert_string_equal(heard.names[0], "localhost");
	assert_int_equal(heard.events[1].kind, EVENT_HOST_DONE);
	names_summarise(names, &summary);
	assert_int_equal(summary.found, 1);
	names_free(names);
}

/* Inactive hosts have no name unless all are wanted; other events are not touched. */
static void test_who_is_asked_for(void **state)
{
	struct heard heard = {0};
	struct names *names = names_of(&heard, false, NULL);
	struct event down = event_down(0, "no-response", NULL), note = event_note(0, 0, "nat", "text"),
	             done = event_done(0);

	(void)state;
	down.addr = fixture_addr("127.0.0.1");
	names_take(names, &down, 1);
	names_take(names, &note, 1);
	names_take(names, &done, 1);
	assert_int_equal(heard.count, 3);
	assert_string_equal(heard.names[0], "");
	names_free(names);

	heard = (struct heard){0};
	names = names_of(&heard, true, NULL);
	names_take(names, &down, 1);
	assert_string_equal(heard.names[0], "localhost");
	names_free(names);
}

/* Port 1 of the loopback: nobody is there. Whatever that comes to, every host is told once or twice and then done, in bounded
 * time, and when nobody answers nobody is asked any more. */
static void test_dead_name_server(void **state)
{
	struct heard heard = {0};
	struct names *names = names_of(&heard, false, "127.0.0.1:1");
	int64_t now_ns = 1;
	size_t done = 0, up = 0;
	struct names_summary summary;

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		struct event event = event_up(i);

		names_take(names, &event, now_ns);
		event = event_done(i);
		names_take(names, &event, now_ns);
	}
	while (!names_done(names)) {
		assert_true(now_ns < INT64_C(2200000000));
		now_ns += 50000000;
		names_work(names, now_ns);
	}
	for (size_t i = 0; i < heard.count; i++) {
		up += heard.events[i].kind == EVENT_HOST;
		done += heard.events[i].kind == EVENT_HOST_DONE;
	}
	assert_int_equal(up, 20);
	assert_int_equal(done, 20);
	names_summarise(names, &summary);
	assert_true(summary.dead);
	assert_int_equal(names_wake(names), INT64_MAX);
	names_free(names);
}

static void test_giving_up(void **state)
{
	struct heard heard = {0};
	struct names *names = names_of(&heard, false, "127.0.0.1:1");
	struct event up = event_up(3), done = event_done(3);

	(void)state;
	names_take(names, &up, 1);
	names_take(names, &done, 1);
	names_give_up(names);
	assert_true(names_done(names));
	assert_int_equal(heard.count, 2);
	names_take(names, &up, 1);
	names_free(names); /* in the middle of a query */
}

static void test_wrong_servers(void **state)
{
	static const char *const wrong[] = {"foo", "10.0.0.1:x", "10.0.0.300", "10.0.0.1,bar"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		struct names *names = names_new(false, wrong[i], hear, NULL, &err);

		if (names)
			fail_msg("--dns-servers '%s' was taken", wrong[i]);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, "--dns-servers"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hosts_file),       cmocka_unit_test(test_who_is_asked_for),
	        cmocka_unit_test(test_dead_name_server), cmocka_unit_test(test_giving_up),
	        cmocka_unit_test(test_wrong_servers),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
