/* test_merge.c: reports of shards merged are the report of the whole; repeated and cut-off scans give the best that is known. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../src/cli/merge.h"
#include "support/report_fixture.h"

enum { HOSTS = 23, EVENTS_MOST = 200 };

/* Everything that a report can tell of 23 hosts, all at the moment that the scan began: merged reports know no finer time. */
static size_t make_events(struct event *out)
{
	size_t n = 0;

	for (uint64_t i = 0; i < HOSTS; i++) {
		size_t first = n;

		if (i % 3 == 1)
			out[n++] =
			        event_down(i, i % 2 ? "no-arp-reply" : "host-unreach", i % 2 ? NULL : "192.168.0.254");
		else if (i == 20)
			out[n++] = event_unknown(i);
		else
			out[n++] = event_up(i);
		if (out[first].u.host.state == HOST_UP) {
			out[first].u.host.rtt_ns = 112000;
			out[first].u.host.name = i % 2 ? "printer \"7\".lan" : NULL;
			out[first].u.host.vendor = i % 5 ? NULL : "A vendor";
			out[n++] = event_port(i, 53, PORT_OPEN, "udp-response");
			out[n++] = event_port(i, 60, i % 2 ? PORT_CLOSED : PORT_FILTERED,
			                      i % 2 ? "port-unreach" : "admin-prohibited");
			if (i % 2 == 0)
				out[n - 1].u.port.from = fixture_addr("192.168.0.254");
			out[n++] = event_port(i, 61, PORT_OPEN_FILTERED, "silent-while-refusing");
			out[n++] = event_limit(i, 1.5, 6);
			out[n++] = event_note(i, 53, "conflicting-replies", "text \\ with \"quotes\"");
			out[n++] = event_note(i, 0, "nat", "another");
		}
		out[n++] = event_done(i);
	}
	for (size_t i = 0; i < n; i++) {
		out[i].at_ns = FIXTURE_START_NS;
		out[i].index = out[i].ordinal;
	}
	return n;
}

/* One shard's JSON file, its ordinals counted in the shard as the engine counts them. */
static void write_part(const char *path, const struct event *events, size_t count, struct shard shard, bool partial)
{
	struct scan_info info = fixture_info();
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct err err = {0};
	struct reports *reports;
	uint64_t next = 0;

	info.shard = shard;
	reports = reports_new(&info, &err);
	assert_non_null(reports);
	assert_true(reports_add(reports, &report_json, path, false, &err));
	reports_begin(reports);
	for (size_t i = 0; i < count; i++) {
		struct event event = events[i];

		if (!shard_has(&shard, event.index))
			continue;
		event.ordinal = next;
		if (event.kind == EVENT_HOST) {
			summary.hosts_up += event.u.host.state == HOST_UP;
			summary.hosts_down += event.u.host.state == HOST_DOWN;
			summary.hosts_unknown += event.u.host.state == HOST_UNKNOWN;
		}
		next += event.kind == EVENT_HOST_DONE;
		reports_event(reports, &event);
	}
	summary.partial = partial;
	reports_end(reports, &summary);
	assert_true(reports_close(reports, &err));
	reports_free(reports);
}

/* Standard output is the test's own; the report that --merge writes there goes nowhere meanwhile. */
static int hide_screen(void)
{
	int saved = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);

	fflush(stdout);
	assert_true(saved >= 0 && nowhere >= 0);
	assert_int_equal(dup2(nowhere, STDOUT_FILENO), STDOUT_FILENO);
	close(nowhere);
	return saved;
}

static void show_screen(int saved)
{
	fflush(stdout);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
}

/* nscan --merge FILES -oN merged (or -oX). Returns what was written; *err is what it said. */
static char *merge(const char *folder, const char *const *files, size_t count, const char *output, struct err *err)
{
	static char program[] = "nscan", flag[] = "--merge";
	char option[8], path[160], names[16][160], *argv[32] = {program, flag};
	struct options options;
	int argc = 2, screen;

	assert_true(count < 16);
	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "%s/%s", folder, files[i]);
		argv[argc++] = names[i];
	}
	snprintf(option, sizeof(option), "%s", output);
	snprintf(path, sizeof(path), "%s/merged", folder);
	argv[argc++] = option;
	argv[argc++] = path;
	*err = (struct err){0};
	assert_true(options_parse(argc, argv, &options, err));
	screen = hide_screen();
	merge_run(&options, err);
	show_screen(screen);
	options_free(&options);
	return fixture_read(path);
}

/* Takes out what has to differ: the command line. */
static void blank_arguments(char *text)
{
	char *at = strstr(text, "args=\"");

	if (!at)
		return;
	at += strlen("args=\"");
	memmove(at, strchr(at, '"'), strlen(strchr(at, '"')) + 1);
}

static void assert_same_report(const struct report_format *format, const char *option)
{
	static const char *const files[] = {"3", "1", "2", "5", "4"};
	struct event events[EVENTS_MOST];
	size_t count = make_events(events);
	struct scan_summary summary = fixture_summary(14, 8, 1);
	struct scan_info info = fixture_info();
	struct port_list list;
	char *folder = fixture_folder(), *whole, *merged;
	struct err err;

	/* As the command line of the fixture asks for. */
	assert_true(port_list_top(PORT_DEFAULT_COUNT, &list, &err));
	summary.sent *= 5;
	summary.received *= 5;
	info.ports = &list;
	info.interface = "eth0";
	whole = fixture_report(format, &info, events, count, &summary);
	for (uint32_t i = 1; i <= 5; i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s/%u", folder, i);
		write_part(path, events, count, (struct shard){i, 5}, false);
	}
	merged = merge(folder, files, 5, option, &err);
	blank_arguments(whole);
	blank_arguments(merged);
	for (size_t i = 0; whole[i]; i++) {
		if (merged[i] != whole[i])
			fail_msg("merged: ...%.200s\nwhole: ...%.200s", merged + (i > 60 ? i - 60 : 0),
			         whole + (i > 60 ? i - 60 : 0));
	}
	assert_int_equal(strlen(merged), strlen(whole));
	assert_int_equal(err.code, ERR_NONE);
	free(merged);
	free(whole);
	port_list_free(&list);
	fixture_remove(folder);
}

static void test_merged_is_whole(void **state)
{
	(void)state;
	assert_same_report(&report_normal, "-oN");
	assert_same_report(&report_xml, "-oX");
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

#define SCAN(time, more)                                                                                               \
	"{\"type\":\"scan\",\"args\":[\"nscan\",\"-p\",\"53,99\",\"10.0.0.1-3\"],\"start\":\"2026-01-31T" time         \
	"Z\",\"seed\":1" more "}\n"
#define HOST(addr, state) "{\"type\":\"host\",\"addr\":\"10.0.0." addr "\",\"state\":\"" state "\",\"reason\":\"r\"}\n"
#define PORT(addr, port, state)                                                                                        \
	"{\"type\":\"port\",\"addr\":\"10.0.0." addr "\",\"proto\":\"udp\",\"port\":" port ",\"state\":\"" state       \
	"\",\"reason\":\"r\"}\n"
#define SUMMARY(up, down, unknown, partial)                                                                            \
	"{\"type\":\"summary\",\"hosts_up\":" up ",\"hosts_down\":" down ",\"hosts_unknown\":" unknown                 \
	",\"elapsed_s\":1.5,\"partial\":" partial "}\n"

/* Two scans of the same targets, given in the wrong order; the first was interrupted. */
static void test_later_and_known_win(void **state)
{
	static const char *const files[] = {"b", "a"};
	char *folder = fixture_folder(), *text;
	struct err err;

	(void)state;
	write_text(folder, "a",
	           SCAN("12:00:00.000", "") HOST("1", "up") PORT("1", "53", "open") PORT("1", "99", "closed")
	                   HOST("2", "up") PORT("2", "53", "open") HOST("3", "unknown") SUMMARY("2", "0", "1", "true"));
	write_text(folder, "b",
	           SCAN("13:00:00.000", "") HOST("3", "up") PORT("3", "99", "closed") HOST("1", "up")
	                   PORT("1", "53", "unknown") PORT("1", "99", "open") HOST("2", "down")
	                           SUMMARY("2", "1", "0", "false"));
	text = merge(folder, files, 2, "-oJ", &err);
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(text, "\"addr\":\"10.0.0.1\",\"proto\":\"udp\",\"port\":53,\"state\":\"open\""));
	assert_non_null(strstr(text, "\"addr\":\"10.0.0.1\",\"proto\":\"udp\",\"port\":99,\"state\":\"open\""));
	assert_non_null(strstr(
	        text, "\"port\":99,\"code\":\"changed-between-scans\",\"text\":\"was closed in an earlier scan\""));
	assert_non_null(strstr(text, "\"addr\":\"10.0.0.2\",\"state\":\"down\""));
	assert_non_null(strstr(
	        text,
	        "\"addr\":\"10.0.0.2\",\"code\":\"changed-between-scans\",\"text\":\"was up in an earlier scan\""));
	assert_null(strstr(text, "\"addr\":\"10.0.0.2\",\"proto\""));
	assert_non_null(strstr(text, "\"addr\":\"10.0.0.3\",\"state\":\"up\""));
	assert_non_null(strstr(text, "\"hosts_up\":2,\"hosts_down\":1,\"hosts_unknown\":0,\"elapsed_s\":3601.5"));
	assert_non_null(strstr(text, "\"partial\":false"));
	free(text);
	fixture_remove(folder);
}

/* A large sweep lists who is inactive as ranges. */
static void test_ranges(void **state)
{
	static const char *const files[] = {"a", "b"};
	char *folder = fixture_folder(), *text;
	struct err err;

	(void)state;
	write_text(folder, "a",
	           SCAN("12:00:00", "") HOST(
	                   "7", "up") "{\"type\":\"range\",\"first\":\"10.0.0.8\",\"last\":\"10.0.0.17\",\"addresses\":"
	                              "10,\"state\":\"down\",\"reason\":\"r\"}\n" SUMMARY("1", "10", "0", "false"));
	write_text(folder, "b", SCAN("13:00:00", "") HOST("9", "up") SUMMARY("1", "0", "0", "false"));
	text = merge(folder, files, 2, "-oN", &err);
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(text, "Inactive: 10.0.0.8, .10-.17 (9 of 11)"));
	assert_non_null(strstr(text, "Nscan report for 10.0.0.9\n"));
	assert_non_null(strstr(text, "was down in an earlier scan"));
	free(text);
	write_text(folder, "a",
	           SCAN("12:00:00", "") "{\"type\":\"range\",\"first\":\"10.0.0.8\",\"addresses\":4194305,\"state\":"
	                                "\"down\",\"reason\":\"r\"}\n");
	free(merge(folder, files, 2, "-oN", &err));
	assert_non_null(strstr(err.text, "too many to merge"));
	fixture_remove(folder);
}

/* Reasons and codes are words that nscan has written; what else stands there reaches no terminal and no XML. */
static void test_hostile_words(void **state)
{
	static const char *const files[] = {"a"}, *const formats[] = {"-oN", "-oX", "-oG", "-oJ"};
	char *folder = fixture_folder();
	struct err err;

	(void)state;
	write_text(folder, "a",
	           SCAN("12:00:00", "") HOST("1", "up")
	                   PORT("1", "53", "open") "{\"type\":\"port\",\"addr\":\"10.0.0.1\",\"proto\":\"udp\","
	                                           "\"port\":99,\"state\":\"open\","
	                                           "\"reason\":\"\\u001b[2J\"}\n"
	                                           "{\"type\":\"port\",\"addr\":\"10.0.0.1\",\"proto\":\"udp\","
	                                           "\"port\":98,\"state\":\"open\","
	                                           "\"reason\":\"r\",\"info\":\"x\",\"details\":{\"a\\\"b\":\"c\"}}\n"
	                                           "{\"type\":\"note\",\"addr\":\"10.0.0.1\",\"code\":\"\\u001b[3J\","
	                                           "\"text\":\"t\"}\n" SUMMARY("1", "0", "0", "false"));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		char *text = merge(folder, files, 1, formats[i], &err);

		assert_int_equal(err.code, ERR_NONE);
		assert_non_null(strstr(text, "53"));
		assert_null(strchr(text, 0x1b));
		assert_null(strstr(text, "\\u001b"));
		assert_null(strstr(text, "a\"b"));
		free(text);
	}
	fixture_remove(folder);
}

/* By whatever name: what is merged is not written over. */
static void test_spares_its_parts(void **state)
{
	static const char *const files[] = {"a", "./merged"};
	char *folder = fixture_folder(), *text;
	struct err err;

	(void)state;
	write_text(folder, "a", SCAN("12:00:00", "") HOST("1", "up") SUMMARY("1", "0", "0", "false"));
	write_text(folder, "merged", SCAN("13:00:00", "") HOST("2", "up") SUMMARY("1", "0", "0", "false"));
	text = merge(folder, files, 2, "-oJ", &err);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "merged: is to be read (--merge) and written over"));
	assert_string_equal(text, SCAN("13:00:00", "") HOST("2", "up") SUMMARY("1", "0", "0", "false"));
	free(text);
	fixture_remove(folder);
}

static void test_what_is_missing(void **state)
{
	static const struct {
		const char *a, *b;
		const char *says; /* NULL: whole */
	} rows[] = {
	        {SCAN("12:00:00", ",\"shard\":\"1/3\"") SUMMARY("1", "0", "0", "false"),
	         SCAN("12:00:00", ",\"shard\":\"3/3\"") SUMMARY("1", "0", "0", "false"), "no report of shard 2/3"},
	        {SCAN("12:00:00", ",\"shard\":\"1/2\"") SUMMARY("1", "0", "0", "false"),
	         SCAN("12:00:00", ",\"shard\":\"2/2\""), "cut off before its end: shard 2/2"},
	        {SCAN("12:00:00", ",\"shard\":\"1/2\""), SCAN("12:00:00", ",\"shard\":\"3/3\""), "different splits"},
	        {SCAN("12:00:00", ",\"shard\":\"1/2\""), SCAN("12:00:00", "") SUMMARY("1", "0", "0", "false"), NULL},
	        {SCAN("12:00:00", ""), SCAN("12:00:00", "") SUMMARY("1", "0", "0", "true"), "no scan came to its end"},
	        {SCAN("12:00:00", "") HOST("1", "up") "{\"type\":\"ho", SCAN("12:00:00", ""),
	         "no scan came to its end"},
	        {SCAN("12:00:00", "") HOST("1", "up") SUMMARY("1", "0", "1", "true"),
	         SCAN("13:00:00", "") HOST("2", "down") SUMMARY("0", "1", "1", "true"), NULL},
	        {"{\"type\":\"ho\n" SCAN("12:00:00", ""), SCAN("12:00:00", ""), "line 1 is not JSON"},
	        {"", SCAN("12:00:00", ""), "has no line of type"},
	        {HOST("1", "up"), SCAN("12:00:00", ""), "has no line of type"},
	};
	static const char *const files[] = {"a", "b"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *folder = fixture_folder();
		struct err err;

		write_text(folder, "a", rows[i].a);
		write_text(folder, "b", rows[i].b);
		write_text(folder, "merged", "");
		free(merge(folder, files, 2, "-oJ", &err));
		if (rows[i].says ? !strstr(err.text, rows[i].says) : err.code != ERR_NONE)
			fail_msg("row %zu: wanted '%s', got '%s'", i, rows[i].says ? rows[i].says : "", err.text);
		fixture_remove(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_merged_is_whole),  cmocka_unit_test(test_later_and_known_win),
	        cmocka_unit_test(test_ranges),           cmocka_unit_test(test_hostile_words),
	        cmocka_unit_test(test_spares_its_parts), cmocka_unit_test(test_what_is_missing),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
