/* test_resume.c: an earlier run's JSON lines, read back: what is skipped, what is told again, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../src/cli/resume.h"

#define SCAN                                                                                                           \
	"{\"type\":\"scan\",\"version\":\"0\",\"args\":[\"nscan\",\"-p\",\"53,99\",\"-oJ\",\"-\",\"10.0.0.1-6\"],"     \
	"\"seed\":77}\n"
#define HOST(addr, state)                                                                                              \
	"{\"type\":\"host\",\"addr\":\"10.0.0." addr "\",\"state\":\"" state "\",\"reason\":\"some-reason\"}\n"
#define PORT(addr, port, state)                                                                                        \
	"{\"type\":\"port\",\"addr\":\"10.0.0." addr "\",\"proto\":\"udp\",\"port\":" port ",\"state\":\"" state       \
	"\",\"reason\":\"why\",\"probes\":2}\n"

static char path[] = "/tmp/nscan-test-resume-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct resume *read_file(const char *text)
{
	struct err err = {0};
	struct resume *resume;

	write_file(text);
	resume = resume_read(path, "--resume", &err);
	if (!resume)
		fail_msg("%s", err.text);
	return resume;
}

/* Everything that is told again, in order, as one text. */
struct told {
	char text[4096];
};

static void tell(struct report *report, const struct event *event)
{
	char addr[ADDR_TEXT_BYTES];

	addr_format(&event->addr, addr);
	if (event->kind == EVENT_HOST)
		fprintf(report->out, "%d:%s:%s ", (int)event->ordinal, addr, host_state_name(event->u.host.state));
	else if (event->kind == EVENT_PORT)
		fprintf(report->out, "%d:%s/%d:%s ", (int)event->ordinal, addr, event->u.port.port,
		        port_state_name(event->u.port.state));
	else if (event->kind == EVENT_NOTE)
		fprintf(report->out, "note:%s:%s ", event->u.note.code, event->u.note.text);
	else if (event->kind == EVENT_MTU)
		fprintf(report->out, "mtu:%u:%s:%d:%s/%s:%u ", event->u.mtu.path_mtu, mtu_how_name(event->u.mtu.how),
		        event->u.mtu.verified, fragments_name(event->u.mtu.to_host),
		        fragments_name(event->u.mtu.from_host), event->u.mtu.probes);
	else if (event->kind == EVENT_LIMIT)
		fprintf(report->out, "limit:%.1f:%u ", event->u.limit.icmp_per_s, event->u.limit.burst);
	else
		fprintf(report->out, "done ");
}

/* A configured engine over 10.0.0.1-6 with ports 53 and 99, a resume that has told it what to skip, and reports that listen. */
struct fixture {
	struct target_set *targets;
	struct port_list ports;
	struct network network;
	struct payload_book *payloads;
	struct engine_config config;
	struct engine *engine;
	struct scan_info info;
	struct report_format format;
	struct reports *reports;
	struct resume *resume;
	char out[64];
};

static const uint16_t source_ports[] = {40000};

static void open_fixture(struct fixture *f, const char *file)
{
	struct err err = {0};
	int fd;

	memset(f, 0, sizeof(*f));
	f->targets = target_set_new();
	assert_true(target_set_add(f->targets, "10.0.0.1-6", NULL, &err));
	assert_true(port_list_parse("53,99", &f->ports, &err));
	f->payloads = payload_book_new();
	f->config = (struct engine_config){.targets = f->targets,
	                                   .ports = &f->ports,
	                                   .network = &f->network,
	                                   .only_interface = -1,
	                                   .max_retries = -1};
	f->config.probe.source_ports = source_ports;
	f->config.probe.source_port_count = 1;
	f->config.probe.payloads = f->payloads;
	f->engine = engine_new(&f->config, 0, &err);
	assert_non_null(f->engine);
	f->format = (struct report_format){.name = "test", .suffix = "test", .event = tell};
	f->reports = reports_new(&f->info, &err);
	strcpy(f->out, "/tmp/nscan-test-told-XXXXXX");
	fd = mkstemp(f->out);
	assert_true(fd >= 0);
	close(fd);
	assert_true(reports_add(f->reports, &f->format, f->out, false, &err));
	f->resume = read_file(file);
	assert_true(resume_skip(f->resume, f->engine, &f->config, &err));
}

static void assert_told(struct fixture *f, const char *expected)
{
	struct told told = {""};
	FILE *file;
	size_t n;

	reports_flush(f->reports);
	file = fopen(f->out, "r");
	assert_non_null(file);
	n = fread(told.text, 1, sizeof(told.text) - 1, file);
	told.text[n] = '\0';
	fclose(file);
	assert_string_equal(told.text, expected);
}

static void close_fixture(struct fixture *f)
{
	resume_free(f->resume);
	reports_free(f->reports);
	engine_free(f->engine);
	payload_book_free(f->payloads);
	port_list_free(&f->ports);
	target_set_free(f->targets);
	unlink(f->out);
}

static void test_finished_hosts_keep_their_place(void **state)
{
	struct fixture f;
	struct scan_summary summary = {0};

	(void)state;
	/* .2 down, .3 up with one port known, .4 up with both, .6 up and both, one only after a correction. */
	open_fixture(&f, SCAN HOST("6", "up") PORT("6", "53", "closed") PORT("6", "99", "closed") HOST("2", "down")
	                         HOST("3", "up") PORT("3", "53", "open") HOST("4", "up") PORT("4", "99", "closed")
	                                 PORT("4", "53", "open|filtered") PORT("6", "53", "open") HOST("5", "unknown"));
	resume_replay_finished(f.resume, f.reports, 0);
	assert_told(&f, "1:10.0.0.2:down done 3:10.0.0.4:up 3:10.0.0.4/53:open|filtered 3:10.0.0.4/99:closed done "
	                "5:10.0.0.6:up 5:10.0.0.6/53:open 5:10.0.0.6/99:closed done ");
	/* What is left to the engine is .1, .3 and .5. */
	assert_int_equal(resume_ordinal(f.resume, 0), 0);
	assert_int_equal(resume_ordinal(f.resume, 1), 2);
	assert_int_equal(resume_ordinal(f.resume, 2), 4);
	resume_count(f.resume, &summary);
	assert_int_equal(summary.hosts_up, 2);
	assert_int_equal(summary.hosts_down, 1);
	close_fixture(&f);
}

static void test_begun_hosts_are_told_when_they_come_up(void **state)
{
	struct fixture f;
	struct event event = {.kind = EVENT_HOST, .ordinal = 2, .addr = {4, {10, 0, 0, 3}}};

	(void)state;
	open_fixture(&f,
	             SCAN HOST("3", "up") PORT("3", "53", "open") PORT(
	                     "3", "99",
	                     "unknown") "{\"type\":\"note\",\"addr\":\"10.0.0.3\",\"port\":53,\"code\":\"a-code\","
	                                "\"text\":\"a text\"}\n"
	                                "{\"type\":\"limit\",\"addr\":\"10.0.0.3\",\"icmp_per_s\":1.0,\"burst\":6}\n");
	event.u.host = (struct host_event){.state = HOST_DOWN, .reason = "no-response"};
	resume_replay_begun(f.resume, f.reports, &event);
	assert_told(&f, "");
	event.u.host.state = HOST_UP;
	reports_event(f.reports, &event);
	resume_replay_begun(f.resume, f.reports, &event);
	assert_told(&f, "2:10.0.0.3:up 2:10.0.0.3/53:open note:a-code:a text ");
	event.addr.bytes[3] = 9; /* never heard of */
	resume_replay_begun(f.resume, f.reports, &event);
	assert_told(&f, "2:10.0.0.3:up 2:10.0.0.3/53:open note:a-code:a text ");
	close_fixture(&f);
}

/* What was found about a path is told again with its host, whole. */
static void test_path_mtu_is_told_again(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(
	        &f,
	        SCAN HOST("1", "up") PORT("1", "53", "closed") PORT(
	                "1", "99",
	                "closed") "{\"type\":\"mtu\",\"addr\":\"10.0.0.1\",\"path_mtu\":1400,\"how\":\"frag-needed\","
	                          "\"from\":\"10.0.0.254\",\"verified\":true,\"interface_mtu\":1500,\"black_hole\":"
	                          "false,"
	                          "\"fragments_to_host\":\"pass\",\"fragments_from_host\":\"dropped\",\"method\":"
	                          "\"echo\","
	                          "\"probes\":13}\n");
	resume_replay_finished(f.resume, f.reports, 0);
	assert_told(&f, "0:10.0.0.1:up 0:10.0.0.1/53:closed 0:10.0.0.1/99:closed "
	                "mtu:1400:frag-needed:1:pass/dropped:13 done ");
	close_fixture(&f);
}

/* A host that is up counts as finished only with every port that is wanted now. */
static void test_ports_not_wanted_do_not_count(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, SCAN HOST("1", "up") PORT("1", "53", "closed") PORT("1", "161", "closed"));
	resume_replay_finished(f.resume, f.reports, 0);
	assert_told(&f, "");
	close_fixture(&f);
}

static void test_options_of_the_earlier_run(void **state)
{
	struct resume *resume = read_file(SCAN HOST("1", "up"));
	struct options options = {0};
	struct err err = {0};

	(void)state;
	assert_true(resume_options(resume, &options, &err));
	assert_int_equal(options.ports.count, 2);
	assert_string_equal(options.targets.texts[0], "10.0.0.1-6");
	assert_true(options.has_seed);
	assert_int_equal(options.seed, 77);
	assert_int_equal(options.output_count, 1);
	assert_string_equal(options.outputs[0].path, path);
	assert_true(options.outputs[0].append);
	assert_null(options_stdout(&options));
	assert_false(resume_is_complete(resume));
	options_free(&options);
	resume_free(resume);
}

/* Of several JSON files the one that was given goes on, the other is written anew. */
static void test_the_right_file_goes_on(void **state)
{
	char text[512];
	struct options options = {0};
	struct err err = {0};
	struct resume *resume;

	(void)state;
	snprintf(text, sizeof(text),
	         "{\"type\":\"scan\",\"args\":[\"nscan\",\"-oJ\",\"other\",\"-oJ\",\"%s\",\"h\"],\"seed\":1}\n", path);
	resume = read_file(text);
	assert_true(resume_options(resume, &options, &err));
	assert_false(options.outputs[0].append);
	assert_string_equal(options.outputs[0].path, "other");
	assert_true(options.outputs[1].append);
	options_free(&options);
	resume_free(resume);
}

static void test_complete(void **state)
{
	static const struct {
		const char *text;
		bool complete;
	} rows[] = {
	        {SCAN "{\"type\":\"summary\",\"partial\":false}\n", true},
	        {SCAN "{\"type\":\"summary\",\"partial\":true}\n", false},
	        {SCAN "{\"type\":\"summary\",\"partial\":true}\n" SCAN HOST(
	                 "1", "up") "{\"type\":\"summary\",\"partial\":false}\n",
	         true},
	        {SCAN "{\"type\":\"summary\",\"partial\":false}", false}, /* not written whole */
	        /* A host was given up (--host-timeout); later it was asked again. */
	        {SCAN HOST("1", "up") PORT("1", "53", "unknown") "{\"type\":\"summary\",\"partial\":false}\n", false},
	        {SCAN HOST("1", "unknown") "{\"type\":\"summary\",\"partial\":false}\n", false},
	        {SCAN HOST("1", "up") PORT("1", "53", "unknown") PORT("1", "53", "closed") "{\"type\":\"summary\","
	                                                                                   "\"partial\":false}\n",
	         true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resume *resume = read_file(rows[i].text);

		assert_int_equal(resume_is_complete(resume), rows[i].complete);
		resume_free(resume);
	}
}

static void test_broken_last_line_is_cut_off(void **state)
{
	static const char *const rests[] = {"{\"type\":\"po", "{\"type\":\"port\"}", "\0", "garbage\n", "[]\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		char text[1024];
		struct stat status;
		struct err err = {0};
		struct resume *resume;

		snprintf(text, sizeof(text), "%s%s", SCAN HOST("1", "down"), rests[i]);
		resume = read_file(text);
		assert_true(resume_trim(resume, &err));
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_size, strlen(SCAN HOST("1", "down")));
		resume_free(resume);
	}
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	        {"", "no line of type \"scan\""},
	        {"\n", "no line of type \"scan\""},
	        {"<?xml?>\n<nmaprun/>\n", "line 1 is not JSON"},
	        {SCAN "oops\n" HOST("1", "up"), "line 2 is not JSON"},
	        {"{\"type\":\"scan\",\"args\":\"x\",\"seed\":1}\n", "no args or no seed"},
	        {"{\"type\":\"scan\",\"args\":[],\"seed\":1}\n", "no args or no seed"},
	        {"{\"type\":\"scan\",\"args\":[\"nscan\"],\"seed\":\"1\"}\n", "no args or no seed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};

		write_file(rows[i].text);
		assert_null(resume_read(path, "--resume", &err));
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.text, rows[i].says))
			fail_msg("\"%s\" is not in \"%s\"", rows[i].says, err.text);
	}
}

/* Lines that make no sense are no results: what they are about is asked again. */
static void test_senseless_lines_settle_nothing(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, SCAN
	             "{\"type\":\"host\",\"addr\":\"10.0.0.300\",\"state\":\"down\",\"reason\":\"x\"}\n"
	             "{\"type\":\"host\",\"addr\":\"10.0.0.1\",\"state\":\"sleepy\",\"reason\":\"x\"}\n"
	             "{\"type\":\"host\",\"addr\":\"10.0.0.2\",\"state\":\"down\"}\n"
	             "{\"type\":\"host\",\"addr\":7,\"state\":\"down\",\"reason\":\"x\"}\n"
	             "{\"type\":\"port\",\"addr\":\"10.0.0.3\",\"port\":70000,\"state\":\"open\",\"reason\":\"x\"}\n"
	             "{\"type\":\"port\",\"addr\":\"10.0.0.3\",\"port\":-1,\"state\":\"open\",\"reason\":\"x\"}\n"
	             "{\"type\":\"limit\",\"addr\":\"10.0.0.3\"}\n"
	             "{\"type\":\"something-new\",\"addr\":\"10.0.0.3\"}\n"
	             "{}\n");
	resume_replay_finished(f.resume, f.reports, 0);
	assert_told(&f, "");
	close_fixture(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_finished_hosts_keep_their_place),
	        cmocka_unit_test(test_begun_hosts_are_told_when_they_come_up),
	        cmocka_unit_test(test_path_mtu_is_told_again),
	        cmocka_unit_test(test_ports_not_wanted_do_not_count),
	        cmocka_unit_test(test_options_of_the_earlier_run),
	        cmocka_unit_test(test_the_right_file_goes_on),
	        cmocka_unit_test(test_complete),
	        cmocka_unit_test(test_broken_last_line_is_cut_off),
	        cmocka_unit_test(test_wrong_files),
	        cmocka_unit_test(test_senseless_lines_settle_nothing),
	};

	return cmocka_run_group_tests_name("resume", tests, make_file, remove_file);
}
