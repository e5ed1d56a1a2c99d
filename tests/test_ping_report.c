/* test_ping_report.c: what --ping prints, for a person and for a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../src/cli/ping_report.h"

#define MS INT64_C(1000000)

static const uint16_t ports[] = {40000, 40001, 40002, 40003};

static struct ping_subject subject_of(uint16_t port)
{
	return (struct ping_subject){
	        .dst = {4, {10, 0, 0, 2}},
	        .src = {4, {10, 0, 0, 1}},
	        .port = port,
	        .source_ports = ports,
	        .source_port_count = 1,
	        .source_ports_wanted = 1,
	        .data_bytes = 56,
	        .start_wall_ns = INT64_C(1700000000123000000),
	};
}

/* The text of one line. The caller frees it. */
static char *text_of(const struct ping_subject *subject, const struct ping_event *event,
                     const struct service_reading *said, bool news)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	ping_text_event(out, subject, event, said, news);
	fclose(out);
	return text;
}

static struct ping_event reply(enum ping_result result)
{
	return (struct ping_event){
	        .result = result,
	        .sequence = 7,
	        .tries = 1,
	        .attempt = 1,
	        .src_port = 40000,
	        .has_rtt = true,
	        .rtt_ns = 213456,
	        .proved = true,
	        .from = {4, {10, 0, 0, 2}},
	        .ttl = 63,
	        .bytes = 56,
	};
}

static void expect_text(const struct ping_event *event, const char *wanted)
{
	struct ping_subject subject = subject_of(9000);
	char *seen = text_of(&subject, event, NULL, false);

	assert_string_equal(seen, wanted);
	free(seen);
}

static void lines(void **state)
{
	struct ping_event e = reply(PING_ECHO);

	(void)state;
	expect_text(&e, "seq=7 port=40000: echo verified, 56 bytes, 0.213 ms\n");
	e.attempt = 2;
	e.late = e.again = true;
	expect_text(&e, "seq=7 port=40000: echo verified, 56 bytes, 0.213 ms (try 2) (late) (another try was answered "
	                "before)\n");
	e = reply(PING_ECHO);
	e.duplicate = true;
	expect_text(&e, "seq=7 port=40000: echo verified, 56 bytes, 0.213 ms DUP!\n");
	e = reply(PING_TRUNCATED);
	e.bytes = 40;
	e.reordered = true;
	expect_text(&e, "seq=7 port=40000: echo truncated, 40 of 56 bytes, 0.213 ms (out of order)\n");
	e = reply(PING_ALTERED);
	e.wrong_bytes = 2;
	e.first_wrong = 40;
	expect_text(&e, "seq=7 port=40000: echo altered, 56 bytes, 2 of them wrong, the first at 40, 0.213 ms\n");
	e = reply(PING_REFUSED);
	e.icmp_name = "port-unreach";
	expect_text(&e, "seq=7 port=40000: port-unreach from 10.0.0.2, 0.213 ms\n");
	e = reply(PING_ECHO);
	e.from = (struct addr){4, {10, 0, 0, 9}};
	e.from_port = 4000;
	expect_text(&e, "seq=7 port=40000: echo verified, 56 bytes from 10.0.0.9 port 4000, 0.213 ms\n");
	e = (struct ping_event){
	        .result = PING_NOTHING, .sequence = 8, .tries = 3, .src_port = 40000, .rtt_ns = 1400 * MS};
	expect_text(&e, "seq=8 port=40000: nothing in 1.4 s (3 tries)\n");
	e = (struct ping_event){.result = PING_NO_NEIGHBOUR, .sequence = 1};
	expect_text(&e, "seq=1: no answer to ARP, nothing could be sent\n");
}

/* What a service says is told once, and cannot harm the terminal. */
static void answers(void **state)
{
	struct ping_subject subject = subject_of(53);
	struct ping_event e = reply(PING_ANSWER);
	struct service_reading said = {.service = "domain", .info = "evil 'it' \x1b[2J"};
	char *seen = text_of(&subject, &e, &said, true);

	(void)state;
	assert_string_equal(seen, "seq=7 port=40000: answer, 56 bytes (domain: evil 'it' \\x1b[2J), 0.213 ms\n");
	free(seen);
	seen = text_of(&subject, &e, &said, false);
	assert_string_equal(seen, "seq=7 port=40000: answer, 56 bytes (domain), 0.213 ms\n");
	free(seen);
}

/* 102 packets from four ports, one of which is silent. */
static const struct ping_stats some_stats = {
        .probes = 100,
        .results = {[PING_ECHO] = 90, [PING_REFUSED] = 7, [PING_NOTHING] = 3},
        .packets = 102,
        .retransmissions = 2,
        .received = 97,
        .duplicates = 1,
        .rejected = 1,
        .answers = {.count = 2, .min_ns = MS, .max_ns = 3 * MS, .mean_ns = 2e6, .squares = 2e12},
};
static const struct ping_port some_ports[] = {
        {40000, 25, 25, 25, 25}, {40001, 25, 25, 25, 25}, {40002, 25, 22, 25, 22}, {40003, 25, 0, 27, 0}};

static void end_of_text(void **state)
{
	struct ping_subject subject = subject_of(9000);
	struct ping_end end = {.stats = &some_stats,
	                       .ports = some_ports,
	                       .port_count = 4,
	                       .elapsed_ns = 10 * 1000 * MS,
	                       .partial_why = "interrupted"};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	subject.name = "evil\x1b.example";
	ping_text_end(out, &subject, &end);
	fclose(out);
	assert_string_equal(
	        text,
	        "\n--- evil\\x1b.example (10.0.0.2) port 9000/udp (cslistener) --- interrupted\n"
	        "100 probes: 90 echo verified, 7 refused (port-unreach), 3 nothing\n"
	        "102 packets sent, 97 received, 4.902% loss, 2 repetitions, 1 duplicate, time 10.0 s\n"
	        "rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms\n"
	        "Source ports without a reply: 40003 (1 of 4)\n"
	        "Loss on the others: 4%\n"
	        "1 packet that does not prove to answer this ping was left out\n"
	        "The silences may be the host's limit on ICMP errors (Linux: one a second to each peer), not loss; "
	        "--interval 1s or longer and --max-retries 0 stay below it\n");
	free(text);
}

static json_t *parsed(FILE *out, char **text)
{
	json_error_t error;
	json_t *object;

	fclose(out);
	assert_int_equal(strchr(*text, '\n') - *text, strlen(*text) - 1); /* one line */
	object = json_loads(*text, 0, &error);
	assert_non_null(object);
	free(*text);
	return object;
}

static void json(void **state)
{
	struct ping_subject subject = subject_of(53);
	struct ping_event e = reply(PING_ANSWER);
	struct service_reading said = {.service = "domain", .info = "\xff\x1b\"x"};
	struct ping_end end = {.stats = &some_stats, .ports = some_ports, .port_count = 4};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	json_t *object;

	(void)state;
	assert_true(ping_json_event(out, &subject, &e, &said));
	object = parsed(out, &text);
	assert_string_equal(json_string_value(json_object_get(object, "type")), "ping");
	assert_string_equal(json_string_value(json_object_get(object, "result")), "answer");
	assert_string_equal(json_string_value(json_object_get(object, "info")), "\\xff\\x1b\"x");
	assert_string_equal(json_string_value(json_object_get(object, "time")), "2023-11-14T22:13:20.123Z");
	assert_true(json_real_value(json_object_get(object, "rtt_us")) == 213.456);
	assert_null(json_object_get(object, "duplicate"));
	assert_null(json_object_get(object, "from_port"));
	json_decref(object);

	out = open_memstream(&text, &n);
	assert_true(ping_json_end(out, &subject, &end));
	object = parsed(out, &text);
	assert_string_equal(json_string_value(json_object_get(object, "type")), "ping-summary");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "results"), "refused")), 7);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(object, "silent_source_ports"), 0)), 40003);
	assert_true(json_real_value(json_object_get(json_object_get(object, "rtt_us"), "mdev")) == 1000);
	assert_null(json_object_get(object, "refusal_rtt_us"));
	assert_true(json_is_false(json_object_get(object, "partial")));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lines),
	        cmocka_unit_test(answers),
	        cmocka_unit_test(end_of_text),
	        cmocka_unit_test(json),
	};

	return cmocka_run_group_tests_name("ping_report", tests, NULL, NULL);
}
