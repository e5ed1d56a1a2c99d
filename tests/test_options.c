/* test_options.c: the command line: every option, every way to write it, every contradiction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/engine.h"
#include "nscan/options.h"

enum { WORDS_MAX = 64 };

/* A command line written as one text, its words separated by single blanks; "_" stands for an empty word. */
struct line {
	char text[2048];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static void split(struct line *line, const char *text)
{
	char *save = NULL;

	line->argc = 0;
	line->argv[line->argc++] = (char *)(uintptr_t) "nscan";
	assert_true(strlen(text) < sizeof(line->text));
	strcpy(line->text, text);
	for (char *word = strtok_r(line->text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(line->argc < WORDS_MAX);
		if (strcmp(word, "_") == 0)
			*word = '\0';
		line->argv[line->argc++] = word;
	}
	line->argv[line->argc] = NULL;
}

static struct line parsed_line;

/* Parses what must be right. The caller frees. */
static struct options parse(const char *text)
{
	struct options options;
	struct err err = {0};

	split(&parsed_line, text);
	if (!options_parse(parsed_line.argc, parsed_line.argv, &options, &err))
		fail_msg("nscan %s: %s", text, err.text);
	return options;
}

static const struct {
	const char *line;
	const char *says[3]; /* pieces of the message */
} wrong_lines[] = {
        {"", {"no targets", "-iL"}},
        {"-sU", {"no targets"}},
        {"--", {"no targets"}},
        {"_", {"empty"}},
        {"-Q 10.0.0.1", {"unknown option '-Q'", "--help"}},
        {"--nonsense 10.0.0.1", {"unknown option '--nonsense'"}},
        {"-open 10.0.0.1", {"unknown option '-open'", "--open"}},
        {"-packet-trace 10.0.0.1", {"unknown option '-packet-trace'", "did you mean --packet-trace"}},
        {"-ttl=3 10.0.0.1", {"did you mean --ttl?"}},
        {"--sU 10.0.0.1", {"did you mean -sU"}},
        {"-sS 10.0.0.1", {"unknown option '-sS'"}},
        {"-sU=1 10.0.0.1", {"unknown option"}},
        /* Belong to later versions: must not be swallowed. */
        {"--no-such-rate 5 10.0.0.1", {"unknown option"}},
        {"--pmtu=deep 10.0.0.1", {"--pmtu=deep", "--pmtu=full"}},
        {"--no-pmtu=1 10.0.0.1", {"takes no value"}},
        {"--pmtu --no-pmtu 10.0.0.1", {"--pmtu and --no-pmtu", "do not go together"}},
        {"-r x.pcap --pmtu", {"never sends"}},
        {"-r x.pcap --ttl 5", {"-r reads a capture and never sends", "leave --ttl away"}},
        {"-r x.pcap -PE", {"leave -PE away"}},
        {"-r x.pcap -w y", {"-r and -w do not go together"}},
        {"--echo-server 9000 -w y", {"--echo-server only answers: leave -w away"}},
        {"--resume x -w y -v", {"--resume", "alone, or with -w"}},
        {"--count 3 10.0.0.1", {"--count goes with --ping only"}},
        {"--interval 1s 10.0.0.1", {"--interval goes with --ping only"}},
        {"--ping", {"--ping asks one host"}},
        {"--ping 10.0.0.1 10.0.0.2", {"exactly one", "not also 10.0.0.2"}},
        {"--ping -p 53,161 10.0.0.1", {"-p: --ping asks one port"}},
        {"--ping -sU -p 53 10.0.0.1", {"-sU means nothing to --ping"}},
        {"--ping -oX f 10.0.0.1", {"--ping", "-oJ FILE", "leave -oX away"}},
        {"--ping -oA f 10.0.0.1", {"leave -oA away"}},
        {"--ping -oJ f -oJ g 10.0.0.1", {"one -oJ file"}},
        {"--ping -g 5000 10.0.0.1", {"-g: --ping without -p"}},
        {"--ping --badsum 10.0.0.1", {"--badsum: --ping without -p"}},
        {"--ping --interval 0.0001 10.0.0.1", {"--interval", "1ms"}},
        {"--ping --timeout 0.0001 10.0.0.1", {"--timeout", "1ms"}},
        {"--ping --count 0 10.0.0.1", {"--count 0"}},
        {"--ping --max-retries 11 10.0.0.1", {"--max-retries", "at most 10"}},
        {"--ping --source-ips 10.0.0.5 10.0.0.1", {"--source-ips means nothing"}},
        {"--ping --data 00 --data-string x 10.0.0.1", {"do not go together"}},
        {"--echo-server 7 10.0.0.1", {"--echo-server asks nobody", "10.0.0.1"}},
        {"--echo-server 7 --ping", {"--echo-server only answers", "leave --ping away"}},
        {"--echo-server 7 -p 5", {"leave -p away"}},
        {"--echo-server 0", {"--echo-server", "0"}},
        {"--echo-server", {"--echo-server needs a value"}},
        {"-r f --ping", {"-r and --ping do not go together"}},
        {"--payload 53 10.0.0.1", {"--payload 53", "PORT=HEX or PORT=@FILE"}},
        {"--payload 0=00 10.0.0.1", {"--payload 0=00", "1 to 65535"}},
        {"--payload 65536=00 10.0.0.1", {"1 to 65535"}},
        {"--payload =00 10.0.0.1", {"1 to 65535"}},
        {"--payload 123456789=00 10.0.0.1", {"1 to 65535"}},
        {"--payload 53=0 10.0.0.1", {"--payload 53=0", "pairs of hexadecimal digits"}},
        {"--payload 53=@/no/such/file 10.0.0.1", {"--payload: /no/such/file: No such file"}},
        {"--payload 53=@/proc/self/maps/ 10.0.0.1", {"--payload: /proc/self/maps/"}},
        {"--payload 53=@/dev/zero 10.0.0.1", {"/dev/zero is too long", "1472"}},
        {"--payloads most 10.0.0.1", {"--payloads most", "safe", "none"}},
        {"--payloads all --payloads none 10.0.0.1", {"--payloads"}},
        {"--payload 53=00 --data 00 10.0.0.1", {"do not go together"}},
        {"--payloads none --data-length 5 10.0.0.1", {"do not go together"}},
        {"--shard 5/4 10.0.0.1", {"--shard 5/4", "1/7"}},
        {"-sS 10.0.0.1", {"'-sS'", "-sU", "-sn"}},
        {"--watch 1s -oX x 10.0.0.1", {"-oX", "--watch", "-oJ"}},
        {"--watch 1s --resume x", {"--resume"}},
        {"--watch 1s --packet-trace 10.0.0.1", {"--packet-trace", "--watch"}},
        {"--watch 1ms 10.0.0.1", {"--watch", "100ms"}},
        {"--watch 1s -Pn 10.0.0.1", {"-Pn", "--watch"}},
        {"--watch 1s", {"no targets"}},
        {"--wait 10.0.0.1 10.0.0.2", {"--wait", "10.0.0.2"}},
        {"--wait 10.0.0.1 -oJ x", {"-oJ", "--wait"}},
        {"--merge", {"--merge", "-oJ"}},
        {"--merge -p 53 a.jsonl", {"--merge", "-p"}},
        {"-n -R 10.0.0.1", {"-n", "-R"}},
        {"-n --dns-servers 10.0.0.9 10.0.0.1", {"--dns-servers", "-n"}},

        {"10.0.0.1 -p", {"-p needs a value", "PORTS"}},
        {"10.0.0.1 -oX", {"-oX needs a value", "FILE"}},
        {"-oX -v 10.0.0.1", {"-oX needs a value", "-v follows"}},
        {"--ttl --tos 1 10.0.0.1", {"--ttl needs a value", "--tos follows"}},
        {"--open=yes 10.0.0.1", {"--open takes no value", "=yes"}},
        {"--ttl= 10.0.0.1", {"--ttl", "1 to 255"}},
        {"--ttl 0 10.0.0.1", {"--ttl 0", "1 to 255"}},
        {"--ttl 256 10.0.0.1", {"--ttl 256", "1 to 255"}},
        {"--ttl 64x 10.0.0.1", {"--ttl 64x"}},
        {"--tos 256 10.0.0.1", {"--tos 256", "0 to 255"}},
        {"--ttl 3 --ttl 4 10.0.0.1", {"--ttl is given twice"}},
        {"-p 53 -p 54 10.0.0.1", {"-p is given twice"}},
        {"-g 0 10.0.0.1", {"-g 0", "1 to 65535"}},
        {"-g 65536 10.0.0.1", {"-g 65536"}},
        {"-g 5- 10.0.0.1", {"-g 5-", "range such as"}},
        {"-g 50-40 10.0.0.1", {"-g 50-40", "backwards", "40-50"}},
        {"-p 0 10.0.0.1", {"-p", "0"}},
        {"-p 70000 10.0.0.1", {"-p", "70000"}},
        {"-p _ 10.0.0.1", {"-p"}},
        {"-PU70000 10.0.0.1", {"-PU", "70000"}},
        {"-p no-such-service-here 10.0.0.1", {"-p", "no-such-service-here"}},
        {"--top-ports 0 10.0.0.1", {"--top-ports 0"}},
        {"--top-ports 65536 10.0.0.1", {"--top-ports 65536"}},
        {"-e _ 10.0.0.1", {"-e", "empty"}},
        {"-iL _", {"-iL", "empty"}},
        {"-S 10.0.0.300 10.0.0.1", {"-S 10.0.0.300", "--iflist"}},
        {"-S ::1 10.0.0.1", {"-S ::1", "IPv6"}},
        {"--data xyz 10.0.0.1", {"--data xyz", "hexadecimal"}},
        {"--data abc 10.0.0.1", {"--data abc"}},
        {"--data-length 1473 10.0.0.1", {"--data-length 1473", "1472"}},
        {"--udp-checksum wrong 10.0.0.1", {"--udp-checksum wrong", "auto, none"}},
        {"--udp-checksum 0 10.0.0.1", {"--udp-checksum 0"}},
        {"--udp-checksum 12345 10.0.0.1", {"--udp-checksum 12345"}},
        {"--max-rate 0 10.0.0.1", {"--max-rate 0"}},
        {"--max-rate fast 10.0.0.1", {"--max-rate fast"}},
        {"--max-retries 101 10.0.0.1", {"--max-retries 101"}},
        {"--max-retries -1 10.0.0.1", {"--max-retries -1"}},
        {"--seed x 10.0.0.1", {"--seed x"}},
        {"--seed 9223372036854775808 10.0.0.1", {"--seed"}},
        {"-T6 10.0.0.1", {"-T 6", "0 to 5", "paranoid"}},
        {"-T 10.0.0.1", {"-T 10.0.0.1", "0 to 5"}},
        {"-T_ 10.0.0.1", {"-T _", "0 to 5"}},
        {"-Tfast 10.0.0.1", {"-T fast", "polite"}},
        {"-T4 -T5 10.0.0.1", {"-T is given twice"}},
        {"--host-timeout 0 10.0.0.1", {"--host-timeout 0", "500ms"}},
        {"--host-timeout 5d 10.0.0.1", {"--host-timeout 5d"}},
        {"--max-time soon 10.0.0.1", {"--max-time soon", "500ms"}},
        {"--max-time 5s --max-time 6s 10.0.0.1", {"--max-time is given twice"}},
        {"--source-ips _ 10.0.0.1", {"--source-ips", "missing"}},
        {"--source-ips 10.0.0.300 10.0.0.1", {"--source-ips", "10.0.0.300"}},
        {"--source-ips lab 10.0.0.1", {"--source-ips", "lab"}},
        {"--source-ips 10.0.0.0/21 10.0.0.1", {"--source-ips", "1024"}},
        {"--source-ips ::1 10.0.0.1", {"--source-ips", "IPv6"}},
        {"--source-ips 10.0.0.7 --source-ips 10.0.0.8 10.0.0.1", {"--source-ips is given twice"}},
        {"--source-ips 10.0.0.7 -S 10.0.0.8 10.0.0.1", {"-S and --source-ips do not go together"}},
        {"-sn --source-ips 10.0.0.7 10.0.0.1", {"-sn and --source-ips do not go together"}},
        {"--stats-every 0 10.0.0.1", {"--stats-every 0", "500ms"}},
        {"--stats-every 5d 10.0.0.1", {"--stats-every 5d"}},

        {"-sn -sU 10.0.0.1", {"-sn and -sU do not go together"}},
        {"-sn -p 53 10.0.0.1", {"-sn and -p do not go together"}},
        {"10.0.0.1 -F -sn", {"-sn and -F do not go together"}},
        {"-sn --top-ports 5 10.0.0.1", {"-sn and --top-ports"}},
        {"-sn -Pn 10.0.0.1", {"-sn and -Pn"}},
        {"-Pn -PE 10.0.0.1", {"-Pn and -PE"}},
        {"-Pn -PU53 10.0.0.1", {"-Pn and -PU"}},
        {"-F -p 53 10.0.0.1", {"-p and -F do not go together"}},
        {"-F --top-ports 10 10.0.0.1", {"-F and --top-ports"}},
        {"-p1 --top-ports 10 10.0.0.1", {"-p and --top-ports"}},
        {"--data 00 --data-string x 10.0.0.1", {"--data and --data-string"}},
        {"--data 00 --data-length 3 10.0.0.1", {"--data and --data-length"}},
        {"--data-length 3 --data-string x 10.0.0.1", {"--data-string and --data-length"}},
        {"--data 00 --data 01 10.0.0.1", {"--data is given twice"}},

        {"-oX - -oJ - 10.0.0.1", {"-oJ -", "standard output"}},
        {"-oX a -oN a 10.0.0.1", {"-oN a", "another option writes there"}},
        {"-oA base -oX base.xml 10.0.0.1", {"-oX base.xml", "another option writes there"}},
        {"-oA - 10.0.0.1", {"-oA -", "base name"}},
        {"-oA _ 10.0.0.1", {"-oA", "base name"}},
        {"-oN _ 10.0.0.1", {"-oN", "empty"}},

        {"--resume f 10.0.0.1", {"--resume takes every other option", "--resume f alone"}},
        {"--resume f -v", {"--resume f alone"}},
        {"--resume", {"--resume needs a value"}},
        {"--resume _", {"--resume", "empty"}},
};

static void test_wrong_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_lines) / sizeof(wrong_lines[0]); i++) {
		struct options options;
		struct err err = {0};
		struct line line;

		split(&line, wrong_lines[i].line);
		if (options_parse(line.argc, line.argv, &options, &err))
			fail_msg("nscan %s: should be refused", wrong_lines[i].line);
		assert_int_equal(err.code, ERR_USAGE);
		assert_null(strchr(err.text, '\n'));
		for (size_t j = 0; j < 3 && wrong_lines[i].says[j]; j++) {
			if (!strstr(err.text, wrong_lines[i].says[j]))
				fail_msg("nscan %s: \"%s\" is not in \"%s\"", wrong_lines[i].line,
				         wrong_lines[i].says[j], err.text);
		}
		options_free(&options);
	}
}

static void test_defaults(void **state)
{
	struct options o = parse("192.168.0.100-200");

	(void)state;
	assert_int_equal(options_action(&o), ACTION_SCAN);
	assert_int_equal(o.targets.count, 1);
	assert_string_equal(o.targets.texts[0], "192.168.0.100-200");
	assert_false(o.hosts_only);
	assert_int_equal(o.ports.count, PORT_DEFAULT_COUNT);
	assert_int_equal(o.discovery, 0);
	assert_int_equal(o.checksum_mode, CHECKSUM_CHOSEN);
	assert_false(o.has_seed || o.has_data || o.has_max_retries || o.bad_checksum);
	assert_int_equal(o.output_count, 0);
	assert_null(options_stdout(&o));
	options_free(&o);
	assert_null(o.targets.texts);
}

static void test_ports(void **state)
{
	static const struct {
		const char *line;
		size_t count;
		uint16_t first, last;
	} rows[] = {
	        {"-p 53,161,5000-5002 h", 5, 53, 5002},
	        {"-p53 h", 1, 53, 53},
	        {"-p 5000:5001 h", 2, 5000, 5001},
	        {"-p- h", 65535, 1, 65535},
	        {"-p - h", 65535, 1, 65535},
	        {"h -pdomain", 1, 53, 53},
	        {"-p -10 h", 10, 1, 10},
	        {"-p65530- h", 6, 65530, 65535},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o = parse(rows[i].line);

		assert_int_equal(o.ports.count, rows[i].count);
		assert_int_equal(o.ports.ports[0], rows[i].first);
		assert_int_equal(o.ports.ports[o.ports.count - 1], rows[i].last);
		options_free(&o);
	}
	struct options fast = parse("-F h");

	assert_int_equal(fast.ports.count, PORT_FAST_COUNT);
	options_free(&fast);
	struct options top = parse("--top-ports=7 h");

	assert_int_equal(top.ports.count, 7);
	options_free(&top);
	struct options hosts = parse("-sn h");

	assert_true(hosts.hosts_only);
	assert_int_equal(hosts.ports.count, 0);
	options_free(&hosts);
}

static void test_discovery(void **state)
{
	struct options o = parse("-PE -PP -PR -PU53,161 10.0.0.0/8");

	(void)state;
	assert_int_equal(o.discovery, DISCOVER_ECHO | DISCOVER_TIMESTAMP | DISCOVER_ARP | DISCOVER_UDP);
	assert_int_equal(o.discovery_ports.count, 2);
	assert_int_equal(o.discovery_ports.ports[1], 161);
	assert_int_equal(o.targets.count, 1);
	options_free(&o);

	/* The value of -PU may only be attached: what follows is a target. */
	o = parse("-PU 10.0.0.1");
	assert_int_equal(o.discovery, DISCOVER_UDP);
	assert_int_equal(o.discovery_ports.count, 0);
	assert_string_equal(o.targets.texts[0], "10.0.0.1");
	options_free(&o);

	o = parse("-Pn 10.0.0.1");
	assert_int_equal(o.discovery, DISCOVER_NONE);
	options_free(&o);
}

static void test_probe_options(void **state)
{
	struct options o =
	        parse("-e eth0 -S 192.168.0.9 -g5353 --ttl=3 --tos 0x10 --data 0xdead --badsum --udp-checksum "
	              "beef --max-rate 0.5 --max-retries 0 --seed 7 -n h");

	(void)state;
	assert_string_equal(o.interface, "eth0");
	assert_int_equal(addr_v4(&o.source), 0xc0a80009);
	assert_int_equal(o.source_port, 5353);
	assert_int_equal(o.ttl, 3);
	assert_int_equal(o.tos, 0x10);
	assert_true(o.has_data);
	assert_int_equal(o.data_bytes, 2);
	assert_memory_equal(o.data, "\xde\xad", 2);
	assert_true(o.bad_checksum);
	assert_int_equal(o.checksum_mode, CHECKSUM_FIXED);
	assert_int_equal(o.fixed_checksum, 0xbeef);
	assert_true(o.max_rate == 0.5);
	assert_true(o.has_max_retries);
	assert_int_equal(o.max_retries, 0);
	assert_true(o.has_seed);
	assert_int_equal(o.seed, 7);
	assert_true(o.no_names);
	options_free(&o);

	o = parse("--data-string hello --udp-checksum none -g 53 h");
	assert_int_equal(o.data_bytes, 5);
	assert_memory_equal(o.data, "hello", 5);
	assert_int_equal(o.checksum_mode, CHECKSUM_NONE);
	assert_int_equal(o.source_port, 53);
	assert_int_equal(o.source_port_last, 53);
	options_free(&o);

	o = parse("-g40000-40099 h");
	assert_int_equal(o.source_port, 40000);
	assert_int_equal(o.source_port_last, 40099);
	options_free(&o);

	o = parse("--data-length 0 h");
	assert_true(o.has_data);
	assert_int_equal(o.data_bytes, 0);
	options_free(&o);

	/* With two dashes a value may look like an option. */
	o = parse("--data-string=-v h");
	assert_memory_equal(o.data, "-v", 2);
	assert_int_equal(o.verbose, 0);
	options_free(&o);
}

static void test_source_ips(void **state)
{
	struct options o = parse("--source-ips 10.0.0.9,10.0.0.1-3 -e eth0 h");

	(void)state;
	assert_int_equal(o.source_count, 4);
	assert_int_equal(addr_v4(&o.sources[0]), 0x0a000009);
	assert_int_equal(addr_v4(&o.sources[3]), 0x0a000003);
	assert_false(addr_is_set(&o.source));
	options_free(&o);
	assert_null(o.sources);
}

static void test_times(void **state)
{
	struct options o = parse("--host-timeout 90s --max-time=1h h");

	(void)state;
	assert_int_equal(o.host_timeout_ns, INT64_C(90000000000));
	assert_int_equal(o.max_time_ns, INT64_C(3600000000000));
	options_free(&o);
}

/* -T fills what no option of its own says. */
static void test_timing(void **state)
{
	static const struct {
		const char *line;
		double max_rate, max_host_rate;
		int max_retries; /* -1: not set */
		int host_timeout_s;
	} rows[] = {
	        {"h", 0, 0, -1, 0},
	        {"-T0 h", 0.2, 0.2, -1, 0},
	        {"-Tparanoid h", 0.2, 0.2, -1, 0},
	        {"-T 1 h", 1, 1, -1, 0},
	        {"h -T sneaky", 1, 1, -1, 0},
	        {"-T2 h", 20, 2.5, -1, 0},
	        {"-TPolite h", 20, 2.5, -1, 0},
	        {"-T3 h", 0, 0, -1, 0},
	        {"-Tnormal h", 0, 0, -1, 0},
	        {"-T4 h", 0, 0, 2, 0},
	        {"-Taggressive h", 0, 0, 2, 0},
	        {"-T5 h", 0, 0, 1, 900},
	        {"-T insane h", 0, 0, 1, 900},
	        {"-T0 --max-rate 50 h", 50, 0.2, -1, 0},
	        {"--max-rate 50 -T0 h", 50, 0.2, -1, 0},
	        {"-T5 --max-retries 0 h", 0, 0, 0, 900},
	        {"--host-timeout 1s -T5 h", 0, 0, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o = parse(rows[i].line);

		assert_true(o.max_rate == rows[i].max_rate);
		assert_true(o.max_host_rate == rows[i].max_host_rate);
		assert_int_equal(o.has_max_retries ? (int)o.max_retries : -1, rows[i].max_retries);
		assert_int_equal(o.host_timeout_ns / 1000000000, rows[i].host_timeout_s);
		assert_int_equal(o.max_time_ns, 0);
		options_free(&o);
	}
}

static void test_outputs(void **state)
{
	struct options o =
	        parse("-oX - -oN report.txt h --open --reason -v -vv -dd -d --packet-trace --stats-every 500ms");

	(void)state;
	assert_int_equal(o.output_count, 2);
	assert_ptr_equal(options_stdout(&o), &o.outputs[0]);
	assert_ptr_equal(o.outputs[0].format, &report_xml);
	assert_ptr_equal(o.outputs[1].format, &report_normal);
	assert_string_equal(o.outputs[1].path, "report.txt");
	assert_true(o.open_only && o.reason && o.packet_trace);
	assert_int_equal(o.verbose, 3);
	assert_int_equal(o.debug, 3);
	assert_int_equal(o.stats_every_ns, 500000000);
	options_free(&o);

	o = parse("-oA out/base h -oG other");
	assert_int_equal(o.output_count, 5);
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(o.outputs[i].path, "out/base.", 9);
		assert_string_equal(o.outputs[i].path + 9, o.outputs[i].format->suffix);
	}
	assert_ptr_equal(o.outputs[4].format, &report_grepable);
	options_free(&o);
}

static void test_targets_anywhere(void **state)
{
	struct options o = parse("a -iL list --exclude=b b -sU -iL - --excludefile no c -- -d -sn");

	(void)state;
	assert_int_equal(o.targets.count, 5);
	assert_string_equal(o.targets.texts[2], "c");
	assert_string_equal(o.targets.texts[3], "-d");
	assert_string_equal(o.targets.texts[4], "-sn");
	assert_int_equal(o.target_files.count, 2);
	assert_string_equal(o.target_files.texts[1], "-");
	assert_int_equal(o.excludes.count, 1);
	assert_int_equal(o.exclude_files.count, 1);
	assert_int_equal(o.debug, 0);
	assert_true(o.udp);
	options_free(&o);
}

static void test_long_path(void **state)
{
	struct options options;
	struct err err = {0};
	struct line line;
	char text[600] = "h -oX ";

	(void)state;
	memset(text + 6, 'x', 300);
	split(&line, text);
	assert_false(options_parse(line.argc, line.argv, &options, &err));
	assert_non_null(strstr(err.text, "too long"));
	options_free(&options);
}

static void test_long_data(void **state)
{
	struct options options;
	struct err err = {0};
	char data[PAYLOAD_MAX_BYTES + 2];
	char name[] = "nscan", option[] = "--data-string", target[] = "h";
	char *argv[] = {name, option, data, target, NULL};

	(void)state;
	memset(data, 'x', sizeof(data));
	data[PAYLOAD_MAX_BYTES] = '\0';
	assert_true(options_parse(4, argv, &options, &err));
	assert_int_equal(options.data_bytes, PAYLOAD_MAX_BYTES);
	options_free(&options);
	data[PAYLOAD_MAX_BYTES] = 'x';
	data[PAYLOAD_MAX_BYTES + 1] = '\0';
	assert_false(options_parse(4, argv, &options, &err));
	assert_non_null(strstr(err.text, "1473 bytes"));
	options_free(&options);
}

static void test_actions(void **state)
{
	static const struct {
		const char *line;
		enum action action;
	} rows[] = {
	        {"-h", ACTION_HELP},
	        {"--help", ACTION_HELP},
	        {"-sU --help", ACTION_HELP},
	        {"-V", ACTION_VERSION},
	        {"--version", ACTION_VERSION},
	        {"--iflist", ACTION_IFLIST},
	        {"-r a.pcap -r b.pcap", ACTION_READ},
	        {"-r - -p 53 -oJ x 10.0.0.1", ACTION_READ},
	        {"--resume f", ACTION_RESUME},
	        {"--resume=f", ACTION_RESUME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o = parse(rows[i].line);

		assert_int_equal(options_action(&o), rows[i].action);
		options_free(&o);
	}
}

/* What the table says must hold together: unique names, a help text or a shorter sibling that has one, a value's name. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		assert_true(row->name[0] == '-' && row->name[1] != '\0');
		assert_non_null(row->set);
		assert_true((row->place == VALUE_NONE) == (row->value == NULL));
		if (!row->help)
			assert_int_equal(row->place, VALUE_NONE);
		for (size_t j = i + 1; j < option_row_count; j++)
			assert_string_not_equal(row->name, option_rows[j].name);
	}
	for (size_t i = 0; i < option_conflict_count; i++) {
		int found = 0;

		for (size_t j = 0; j < option_row_count; j++)
			found += strcmp(option_rows[j].name, option_conflicts[i].first) == 0 ||
			         strcmp(option_rows[j].name, option_conflicts[i].second) == 0;
		assert_int_equal(found, 2);
	}
}

/* Every option of the table is in --help, at the beginning of its line. */
static void test_ping_options(void **state)
{
	struct options o = parse("--ping -p 53 --count 7 --interval 10ms --timeout 2s -g 4000-4009 h");

	(void)state;
	assert_int_equal(options_action(&o), ACTION_PING);
	assert_int_equal(o.ports.count, 1);
	assert_int_equal(o.ports.ports[0], 53);
	assert_int_equal(o.count, 7);
	assert_true(o.interval_ns == 10000000);
	assert_true(o.timeout_ns == 2000000000);
	options_free(&o);

	o = parse("--ping h");
	assert_int_equal(options_action(&o), ACTION_PING);
	assert_int_equal(o.ports.count, 0); /* ICMP echo */
	options_free(&o);

	o = parse("--echo-server 7,9000-9002 --max-rate 5");
	assert_int_equal(options_action(&o), ACTION_ECHO);
	assert_int_equal(o.echo_ports.count, 4);
	options_free(&o);
}

static void test_help(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_non_null(out);
	options_help(out);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < option_row_count; i++) {
		char wanted[80];

		if (!option_rows[i].help)
			continue;
		snprintf(wanted, sizeof(wanted), "\n  %s%s%s", option_rows[i].alias ? option_rows[i].alias : "",
		         option_rows[i].alias ? ", " : "", option_rows[i].name);
		if (!strstr(text, wanted))
			fail_msg("--help lacks %s", option_rows[i].name);
		assert_non_null(strstr(text, option_rows[i].help));
	}
	free(text);
}

static void test_payloads(void **state)
{
	struct options options = parse("--payloads all --payload 53=00ff10 --payload 9= --payload 53=\\x01 10.0.0.1");

	(void)state;
	assert_int_equal(options.payload_set, PAYLOADS_ALL);
	assert_int_equal(options.own_payload_count, 3);
	assert_int_equal(options.own_payloads[0].ports[0], 53);
	assert_int_equal(options.own_payloads[0].byte_count, 3);
	assert_memory_equal(options.own_payloads[0].bytes, "\x00\xff\x10", 3);
	assert_int_equal(options.own_payloads[1].ports[0], 9);
	assert_int_equal(options.own_payloads[1].byte_count, 0);
	assert_int_equal(options.own_payloads[2].byte_count, 1);
	options_free(&options);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_payloads),
	        cmocka_unit_test(test_wrong_lines),
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_ports),
	        cmocka_unit_test(test_discovery),
	        cmocka_unit_test(test_probe_options),
	        cmocka_unit_test(test_source_ips),
	        cmocka_unit_test(test_times),
	        cmocka_unit_test(test_timing),
	        cmocka_unit_test(test_outputs),
	        cmocka_unit_test(test_targets_anywhere),
	        cmocka_unit_test(test_long_path),
	        cmocka_unit_test(test_long_data),
	        cmocka_unit_test(test_actions),
	        cmocka_unit_test(test_table),
	        cmocka_unit_test(test_ping_options),
	        cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
