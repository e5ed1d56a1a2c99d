/* test_reports.c: opening, feeding and closing reports; what could not be written is told. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/report_fixture.h"

static const struct report_format *const formats[] = {&report_normal, &report_xml, &report_grepable, &report_json};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static struct reports *new_reports(const struct scan_info *info)
{
	struct reports *reports = reports_new(info, NULL);

	assert_non_null(reports);
	return reports;
}

/* A scan of many hosts, which fills every buffer. */
static void run(struct reports *reports)
{
	struct scan_summary summary = fixture_summary(2000, 0, 0);

	reports_begin(reports);
	for (uint64_t i = 0; i < 2000; i++) {
		struct event up = event_up(i), port = event_port(i, 53, PORT_OPEN, "udp-response"),
		             done = event_done(i);

		reports_event(reports, &up);
		reports_event(reports, &port);
		reports_event(reports, &done);
		if (i % 100 == 0)
			reports_flush(reports);
	}
	reports_end(reports, &summary);
}

static void test_unwritable_path_is_told_at_once(void **state)
{
	struct scan_info info = fixture_info();
	struct reports *reports = new_reports(&info);
	struct err err = {0};

	(void)state;
	assert_false(reports_add(reports, &report_xml, "/nonexistent/report.xml", false, &err));
	assert_int_equal(err.code, ERR_OUTPUT);
	assert_string_equal(err.text,
	                    "/nonexistent/report.xml: cannot write the xml report: No such file or directory");
	assert_false(reports_add(reports, &report_json, "/tmp", false, &err));
	assert_string_equal(err.text, "/tmp: cannot write the json report: Is a directory");
	assert_true(reports_close(reports, &err));
	reports_free(reports);
}

static void test_standard_output_belongs_to_one(void **state)
{
	struct scan_info info = fixture_info();
	struct reports *reports = new_reports(&info);
	struct err err = {0};

	(void)state;
	assert_true(reports_add(reports, &report_normal, "-", false, &err));
	assert_false(reports_add(reports, &report_xml, "-", false, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(err.text,
	                    "-: the normal and the xml report cannot both go to standard output; give one a file name");
	reports_free(reports);
}

static void test_a_file_belongs_to_one(void **state)
{
	char *folder = fixture_folder(), path[128], link_path[160], expected[320];
	struct scan_info info = fixture_info();
	struct reports *reports = new_reports(&info);
	struct err err = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/report", folder);
	snprintf(link_path, sizeof(link_path), "%s/other-name", folder);
	assert_true(reports_add(reports, &report_normal, path, false, &err));
	assert_int_equal(symlink(path, link_path), 0);
	assert_false(reports_add(reports, &report_xml, link_path, false, &err));
	assert_int_equal(err.code, ERR_USAGE);
	snprintf(expected, sizeof(expected), "%s: the normal and the xml report cannot share a file; name another",
	         link_path);
	assert_string_equal(err.text, expected);
	/* Devices may be shared. */
	assert_true(reports_add(reports, &report_xml, "/dev/null", false, &err));
	assert_true(reports_add(reports, &report_json, "/dev/null", false, &err));
	reports_free(reports);
	fixture_remove(folder);
}

static void test_append_keeps_what_is_there(void **state)
{
	char *folder = fixture_folder(), path[128], *text;
	struct scan_info info = fixture_info();

	(void)state;
	snprintf(path, sizeof(path), "%s/report", folder);
	for (int round = 0; round < 3; round++) {
		struct reports *reports = new_reports(&info);

		assert_true(reports_add(reports, &report_json, path, round > 0 && round < 2, NULL));
		reports_begin(reports);
		assert_true(reports_close(reports, NULL));
		reports_free(reports);
		text = fixture_read(path);
		assert_int_equal(strstr(strchr(text, '\n'), "{\"type\":\"scan\"") != NULL, round == 1);
		free(text);
	}
	fixture_remove(folder);
}

/* A full disk: the scan goes on, the other files are whole, and the error names the file and the reason. */
static void test_a_full_disk(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		char *folder = fixture_folder(), path[128], *text;
		struct scan_info info = fixture_info();
		struct reports *reports = new_reports(&info);
		struct err err = {0};

		snprintf(path, sizeof(path), "%s/report", folder);
		assert_true(reports_add(reports, formats[i], "/dev/full", false, &err));
		assert_true(reports_add(reports, &report_grepable, path, false, &err));
		assert_int_equal(reports_alive(reports), 2);
		run(reports);
		assert_int_equal(reports_alive(reports), 1);
		assert_false(reports_close(reports, &err));
		assert_int_equal(err.code, ERR_OUTPUT);
		assert_string_equal(err.text, "/dev/full: No space left on device; the file is incomplete");
		text = fixture_read(path);
		assert_non_null(strstr(text, "# Nscan done at "));
		free(text);
		reports_free(reports);
		fixture_remove(folder);
	}
}

/* So little that it is written only when the file is closed. */
static void test_a_full_disk_noticed_at_the_end(void **state)
{
	struct scan_summary summary = fixture_summary(0, 0, 0);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct scan_info info = fixture_info();
		struct reports *reports = new_reports(&info);
		struct err err = {0};

		assert_true(reports_add(reports, formats[i], "/dev/full", false, &err));
		assert_true(reports_add(reports, &report_normal, "/dev/full", false, &err));
		reports_begin(reports);
		reports_end(reports, &summary);
		assert_false(reports_close(reports, &err));
		assert_string_equal(err.text, "/dev/full: No space left on device; the file is incomplete; "
		                              "/dev/full: No space left on device; the file is incomplete");
		reports_free(reports);
	}
}

/* Runs with standard output put elsewhere for the moment. */
static void run_on_stdout(int fd, const struct report_format *format, struct err *err, bool *whole)
{
	struct scan_info info = fixture_info();
	struct reports *reports = new_reports(&info);
	int saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	assert_true(reports_add(reports, format, "-", false, err));
	run(reports);
	*whole = reports_close(reports, err);
	reports_free(reports);
	clearerr(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
}

static void test_standard_output_is_checked_and_left_open(void **state)
{
	char *folder = fixture_folder(), path[128], *text;
	struct err err = {0};
	bool whole;
	FILE *file;
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < FORMATS; i++) {
		snprintf(path, sizeof(path), "%s/stdout", folder);
		file = fopen(path, "w");
		assert_non_null(file);
		run_on_stdout(fileno(file), formats[i], &err, &whole);
		assert_true(whole);
		fclose(file);
		text = fixture_read(path);
		assert_true(strlen(text) > 100000);
		free(text);

		file = fopen("/dev/full", "w");
		assert_non_null(file);
		run_on_stdout(fileno(file), formats[i], &err, &whole);
		fclose(file);
		assert_false(whole);
		assert_string_equal(err.text, "standard output: No space left on device; the report is incomplete");

		assert_int_equal(pipe(ends), 0);
		close(ends[0]);
		run_on_stdout(ends[1], formats[i], &err, &whole);
		close(ends[1]);
		assert_false(whole);
		assert_string_equal(err.text, "standard output: Broken pipe; the report is incomplete");
	}
	fixture_remove(folder);
}

/* A scan that could not begin leaves nothing behind but empty files. */
static void test_never_begun(void **state)
{
	struct scan_info info = fixture_info();
	struct reports *reports = new_reports(&info);
	char *folder = fixture_folder(), path[128], *text;

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		snprintf(path, sizeof(path), "%s/report.%s", folder, formats[i]->suffix);
		assert_true(reports_add(reports, formats[i], path, false, NULL));
	}
	assert_true(reports_close(reports, NULL));
	assert_true(reports_close(reports, NULL)); /* twice does no harm */
	reports_free(reports);
	reports_free(NULL);
	text = fixture_read(path);
	assert_string_equal(text, "");
	free(text);
	fixture_remove(folder);
}

static void count_tells(const char *text, const char *what, size_t expected)
{
	size_t count = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		count++;
	assert_int_equal(count, expected);
}

/* --open leaves out what cannot be open, but never a correction of what was told. */
static void test_open_only_as_it_comes(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	const struct event events[] = {
	        event_up(0),
	        event_port(0, 1, PORT_CLOSED, "port-unreach"),
	        event_port(0, 2, PORT_OPEN_FILTERED, "no-response"),
	        event_port(0, 2, PORT_CLOSED, "port-unreach"),
	        event_port(0, 3, PORT_FILTERED, "admin-prohibited"),
	        event_port(0, 4, PORT_OPEN, "udp-response"),
	        event_port(0, 5, PORT_UNKNOWN, "unresolved"),
	        event_done(0),
	        event_port(0, 6, PORT_OPEN, "udp-response"), /* too late */
	};
	char *text;

	(void)state;
	info.show_open_only = true;
	text = fixture_report(&report_json, &info, events, sizeof(events) / sizeof(events[0]), &summary);
	count_tells(text, "\"port\":1,", 0);
	count_tells(text, "\"port\":2,", 2);
	count_tells(text, "\"port\":2,\"state\":\"closed\"", 1);
	count_tells(text, "\"port\":3,", 0);
	count_tells(text, "\"port\":4,", 1);
	count_tells(text, "\"port\":5,", 1);
	count_tells(text, "\"port\":6,", 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_unwritable_path_is_told_at_once),
	        cmocka_unit_test(test_standard_output_belongs_to_one),
	        cmocka_unit_test(test_a_file_belongs_to_one),
	        cmocka_unit_test(test_append_keeps_what_is_there),
	        cmocka_unit_test(test_a_full_disk),
	        cmocka_unit_test(test_a_full_disk_noticed_at_the_end),
	        cmocka_unit_test(test_standard_output_is_checked_and_left_open),
	        cmocka_unit_test(test_never_begun),
	        cmocka_unit_test(test_open_only_as_it_comes),
	};

	return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
