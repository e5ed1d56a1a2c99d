/* test_targets.c: target specifications, and visiting sets of them without listing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/targets.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Knows "lab" and "lab6" only. */
static bool resolve(void *context, const char *name, struct addr *out, struct err *err)
{
	++*(int *)context;
	if (strcmp(name, "lab") == 0)
		return addr_parse("192.168.5.77", out);
	if (strcmp(name, "lab6.example-1.org") == 0)
		return addr_parse("2001:db8::77", out);
	return err_set(err, ERR_USAGE, "the name %s is not known", name);
}

static struct target_set *set_of(const char *const *specs, size_t n)
{
	struct target_set *set = target_set_new();
	int asked = 0;
	struct resolver resolver = {resolve, &asked};

	for (size_t i = 0; i < n; i++) {
		struct err err = {0};

		if (!target_set_add(set, specs[i], &resolver, &err))
			fail_msg("'%s' is refused: %s", specs[i], err.text);
	}
	return set;
}

/* Writes the first addresses of the visit, and "..." when there are more. */
static char *visit_text(const struct target_set *include, const struct target_set *exclude, char out[512])
{
	struct target_cursor cursor = {0};
	struct addr addr;
	size_t at = 0;

	out[0] = '\0';
	for (int n = 0; target_next(include, exclude, &cursor, &addr); n++) {
		char text[ADDR_TEXT_BYTES];

		if (n == 8) {
			snprintf(out + at, 512 - at, " ...");
			return out;
		}
		at += (size_t)snprintf(out + at, 512 - at, "%s%s", n > 0 ? " " : "", addr_format(&addr, text));
	}
	return out;
}

static void assert_visit(const char *const *include, size_t includes, const char *const *exclude, size_t excludes,
                         const char *expected)
{
	struct target_set *in = set_of(include, includes);
	struct target_set *out = set_of(exclude, excludes);
	char text[512];

	assert_string_equal(visit_text(in, out, text), expected);
	if (excludes == 0)
		assert_string_equal(visit_text(in, NULL, text), expected);
	target_set_free(in);
	target_set_free(out);
}

/* One specification: how many addresses, and the first of them. */
static void assert_spec(const char *spec, uint64_t size, const char *expected)
{
	struct target_set *set = set_of(&spec, 1);
	char text[512];

	assert_true(target_set_size(set) == size);
	assert_string_equal(visit_text(set, NULL, text), expected);
	assert_false(target_set_is_empty(set));
	target_set_free(set);
}

static void test_specifications(void **state)
{
	(void)state;
	assert_spec("192.168.0.1", 1, "192.168.0.1");
	assert_spec("0.0.0.0", 1, "0.0.0.0");
	assert_spec("255.255.255.255", 1, "255.255.255.255");
	assert_spec("192.168.0.100-102", 3, "192.168.0.100 192.168.0.101 192.168.0.102");
	assert_spec("10.0-1.3.7,9", 4, "10.0.3.7 10.0.3.9 10.1.3.7 10.1.3.9");
	assert_spec("10.0.0.-1", 2, "10.0.0.0 10.0.0.1");
	assert_spec("10.0.0.254-", 2, "10.0.0.254 10.0.0.255");
	assert_spec("10.0.0.9,1,5-6", 4, "10.0.0.1 10.0.0.5 10.0.0.6 10.0.0.9");
	assert_spec("10.0.0.5,5,4-6", 3, "10.0.0.4 10.0.0.5 10.0.0.6");
	assert_spec("10.0.0.*", 256, "10.0.0.0 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 ...");
	assert_spec("10.0.0.-", 256, "10.0.0.0 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 ...");
	assert_spec("10.0.0.0/30", 4, "10.0.0.0 10.0.0.1 10.0.0.2 10.0.0.3");
	assert_spec("10.0.0.7/31", 2, "10.0.0.6 10.0.0.7");
	assert_spec("10.0.0.7/32", 1, "10.0.0.7");
	assert_spec("10.0.0.254-10.0.1.1", 4, "10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1");
	assert_spec("10.0.0.1-10.0.0.1", 1, "10.0.0.1");
	assert_spec("2001:db8::1", 1, "2001:db8::1");
	assert_spec("2001:db8::7/127", 2, "2001:db8::6 2001:db8::7");
	assert_spec("2001:db8::ffff-2001:db8::1:1", 3, "2001:db8::ffff 2001:db8::1:0 2001:db8::1:1");
	assert_spec("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 2,
	            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_spec("lab", 1, "192.168.5.77");
	assert_spec("lab/31", 2, "192.168.5.76 192.168.5.77");
	assert_spec("lab6.example-1.org", 1, "2001:db8::77");
	assert_spec("lab6.example-1.org/128", 1, "2001:db8::77");
}

static void test_sizes(void **state)
{
	static const char *const specs[] = {"0.0.0.0/0", "10.0.0.0/8", "::/64"};
	struct target_set *set = set_of(specs, 2);

	(void)state;
	assert_true(target_set_size(set) == (UINT64_C(1) << 32) + (1 << 24));
	assert_true(target_set_has_family(set, 4));
	assert_false(target_set_has_family(set, 6));
	target_set_free(set);
	set = set_of(specs, 3);
	assert_true(target_set_size(set) == UINT64_MAX);
	assert_true(target_set_has_family(set, 6));
	target_set_free(set);
	set = set_of(specs + 2, 1);
	assert_false(target_set_has_family(set, 4));
	assert_true(target_set_size(set) == UINT64_MAX);
	target_set_free(set);
	assert_spec("2001:db8::fffe:0:0:1-2001:db8::ffff:0:0:0", UINT64_C(1) << 48,
	            "2001:db8::fffe:0:0:1 2001:db8::fffe:0:0:2 2001:db8::fffe:0:0:3 2001:db8::fffe:0:0:4 "
	            "2001:db8::fffe:0:0:5 2001:db8::fffe:0:0:6 2001:db8::fffe:0:0:7 2001:db8::fffe:0:0:8 ...");
	/* A carry into the upper half. */
	assert_spec("2001:db8::ffff:ffff:ffff:fffe-2001:db8:0:1::", 3,
	            "2001:db8::ffff:ffff:ffff:fffe 2001:db8::ffff:ffff:ffff:ffff 2001:db8:0:1::");
}

static void test_empty_set(void **state)
{
	struct target_set *set = target_set_new();
	struct target_cursor cursor = {0};
	struct addr addr = addr_from_v4(1);

	(void)state;
	assert_true(target_set_is_empty(set));
	assert_true(target_set_size(set) == 0);
	assert_false(target_next(set, NULL, &cursor, &addr));
	assert_false(target_next(set, set, &cursor, &addr));
	assert_false(target_set_contains(set, &addr));
	assert_false(target_set_has_family(set, 4));
	target_set_free(set);
	target_set_free(NULL);
}

/* Refused without asking the resolver, with that part in the message, and nothing added. */
static void assert_refused(const char *spec, const char *part)
{
	struct target_set *set = target_set_new();
	int asked = 0;
	struct resolver resolver = {resolve, &asked};
	struct err err = {0};

	if (target_set_add(set, spec, &resolver, &err))
		fail_msg("'%s' is not refused", spec);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(asked, 0);
	assert_true(target_set_is_empty(set));
	assert_true(target_set_size(set) == 0);
	if (!strstr(err.text, part))
		fail_msg("'%s': no '%s' in '%s'", spec, part, err.text);
	for (const char *c = err.text; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
	assert_false(target_set_add(set, spec, &resolver, NULL));
	target_set_free(set);
}

static void test_malformed_addresses(void **state)
{
	(void)state;
	assert_refused("192.168.0.300", "octet 300 is above 255");
	assert_refused("192.168.0.300", "'192.168.0.300'");
	assert_refused("192.168.0.99999999999999999999999", "is above 255");
	assert_refused("192.168.0.1-256", "octet 256 is above 255");
	assert_refused("10.0.0.9-3", "the range 9-3 is reversed: write 3-9");
	assert_refused("10.0.0.9-10.0.0.3", "reversed");
	assert_refused("2001:db8::2-2001:db8::1", "reversed");
	assert_refused("10.0.0.1-10.0.0.300", "octet 300");
	assert_refused("10.0.0.1-10.0.0.0x2", "four octets");
	assert_refused("10.0.0.1-2001:db8::1", "from IPv4 to IPv6");
	assert_refused("2001:db8::1-10.0.0.1", "full IPv6 address");
	assert_refused("2001:db8::1-5", "full IPv6 address");
	assert_refused("10.0.0", "has four octets, this has 3");
	assert_refused("10.0.0.1,10.0.0.2", "separate targets by blanks");
	assert_refused("10.0.0.0/24,10.0.1.0/24", "separate targets by blanks");
	assert_refused("10.0.0.1 10.0.0.2", "an argument of its own");
	assert_refused("lan printer", "an argument of its own");
	assert_refused("10", "this has 1");
	assert_refused("10.0.0.1.2", "this has 5");
	assert_refused("10.0.0.", "an octet is missing");
	assert_refused("10..0.1", "an octet is missing");
	assert_refused("...", "an octet is missing");
	assert_refused("10.0.0.1,", "an octet is missing");
	assert_refused("10.0.0.010", "leading zero");
	assert_refused("10.0.0.1-2-3", "'2-3' is not an octet");
	assert_refused("10.0.0.1*", "is not an octet");
	assert_refused("10.0.0.1O0", "'1O0' is not an octet");
	assert_refused("0x7f.0.0.1", "'0x7f' is not an octet");
	assert_refused("lan.1", "four octets");
	assert_refused("2001:db8:::1", "is not an IPv6 address");
	assert_refused("2001:db8::12345", "is not an IPv6 address");
	assert_refused("fe80::1%eth0", "-e");
	assert_refused("10.0.0.1:53", "-p");
	assert_refused("http://host/", "-p");
	assert_refused("", "empty");
}

static void test_malformed_networks(void **state)
{
	(void)state;
	assert_refused("10.0.0.0/33", "'10.0.0.0/33': the prefix length must be 0 to 32");
	assert_refused("10.0.0.0/", "must be 0 to 32");
	assert_refused("10.0.0.0/-1", "must be 0 to 32");
	assert_refused("10.0.0.0/+8", "must be 0 to 32");
	assert_refused("10.0.0.0/8/8", "must be 0 to 32");
	assert_refused("10.0.0.0/255.0.0.0", "must be 0 to 32");
	assert_refused("10.0.0.0/4294967304", "must be 0 to 32");
	assert_refused("2001:db8::/129", "must be 0 to 128");
	assert_refused("lab/129", "the prefix length must be 0 to 32");
	assert_refused("/24", "missing");
	assert_refused("10.0.0.300/24", "octet 300");
	assert_refused("10.0.1-3.0/24", "one address");
	assert_refused("10.0.0/24", "this has 3");
	assert_refused("la b/24", "' '");
}

static void test_malformed_names(void **state)
{
	char long_name[400] = "a";

	(void)state;
	assert_refused("web*.example.org", "'*'");
	assert_refused("a b", "' '");
	assert_refused("caf\xc3\xa9", "'\\xc3'");
	assert_refused("evil\n\x1b[2J", "\\x0a\\x1b");
	assert_refused("-iL", "option");
	assert_refused("a,b", "','");
	memset(long_name, 'a', sizeof(long_name) - 1);
	assert_refused(long_name, "too long");
	memcpy(long_name + sizeof(long_name) - 4, "/24", 4);
	assert_refused(long_name, "too long");
}

static void test_names(void **state)
{
	struct target_set *set = target_set_new();
	int asked = 0;
	struct resolver resolver = {resolve, &asked};
	struct err err = {0};

	(void)state;
	assert_false(target_set_add(set, "nobody.example.org", &resolver, &err));
	assert_int_equal(asked, 1);
	assert_string_equal(err.text, "the name nobody.example.org is not known");
	assert_false(target_set_add(set, "nobody.example.org", &resolver, NULL));
	assert_false(target_set_add(set, "lab/33", &resolver, &err));
	assert_non_null(strstr(err.text, "0 to 32"));
	assert_false(target_set_add(set, "lab", NULL, &err));
	assert_non_null(strstr(err.text, "'lab' is a name"));
	assert_true(target_set_is_empty(set));
	assert_true(target_set_add(set, "10.0.0.1", NULL, &err));
	target_set_free(set);
}

static void test_order_and_overlap(void **state)
{
	static const char *const overlap[] = {"10.0.0.4-6", "10.0.0.1", "10.0.0.3-8", "10.0.0.0/30"};
	static const char *const families[] = {"2001:db8::1", "10.0.0.1", "2001:db8::0/127"};
	static const char *const edge[] = {"255.255.255.254/31", "255.255.255.253-255", "0.0.0.0"};
	static const char *const exclude[] = {"10.0.0.5", "10.0.0.0-10.0.0.2"};

	(void)state;
	assert_visit(overlap, COUNT(overlap), NULL, 0,
	             "10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.1 10.0.0.3 10.0.0.7 10.0.0.8 10.0.0.0 ...");
	assert_visit(overlap, COUNT(overlap), exclude, COUNT(exclude), "10.0.0.4 10.0.0.6 10.0.0.3 10.0.0.7 10.0.0.8");
	assert_visit(families, COUNT(families), NULL, 0, "2001:db8::1 10.0.0.1 2001:db8::");
	assert_visit(edge, COUNT(edge), NULL, 0, "255.255.255.254 255.255.255.255 255.255.255.253 0.0.0.0");
	assert_visit(overlap, COUNT(overlap), overlap, COUNT(overlap), "");
}

/* Sets in which walking address by address would take hours. */
static void test_long_runs_are_jumped_over(void **state)
{
	static const char *const all[] = {"0.0.0.0/0"};
	static const char *const lower[] = {"0.0.0.0/1"};
	static const char *const twice[] = {"10.0.0.0/8", "10.*.*.*", "10.0.0.0-10.255.255.255", "11.0.0.1"};
	static const char *const ten[] = {"10.0.0.0/8"};
	static const char *const odd[] = {"*.*.*.1,3,5", "0-255.-.*.1,3", "*.*.*.7"};
	static const char *const odd_lower[] = {"0-127.*.*.1,3,5-8"};
	static const char *const all_but_ends[] = {"1-254.*.*.*",   "0.1-255.*.*",     "0.0.0.1-",
	                                           "255.0-254.*.*", "255.255.*.0-254", "0.0.1-255.*"};
	static const char *const v6[] = {"::/0"};
	static const char *const v6_most[] = {"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"};
	struct target_set *set = set_of(twice, COUNT(twice));
	struct target_set *outside = set_of(ten, 1);
	char text[512];

	(void)state;
	assert_visit(all, 1, lower, 1,
	             "128.0.0.0 128.0.0.1 128.0.0.2 128.0.0.3 128.0.0.4 128.0.0.5 128.0.0.6 128.0.0.7 ...");
	assert_string_equal(visit_text(set, outside, text), "11.0.0.1");
	assert_visit(odd, COUNT(odd), odd_lower, 1,
	             "128.0.0.1 128.0.0.3 128.0.0.5 128.0.1.1 128.0.1.3 128.0.1.5 128.0.2.1 128.0.2.3 ...");
	assert_visit(odd, COUNT(odd), all, 1, "");
	assert_visit(all, 1, all_but_ends, COUNT(all_but_ends),
	             "0.0.0.0 255.255.0.255 255.255.1.255 255.255.2.255 255.255.3.255 255.255.4.255 255.255.5.255 "
	             "255.255.6.255 ...");
	assert_visit(v6, 1, v6_most, 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	target_set_free(set);
	target_set_free(outside);
}

/* A range that came before a pattern is left out of the pattern; one that comes after leaves the pattern out. */
static void test_patterns_and_ranges(void **state)
{
	static const char *const specs[] = {"0.0.0.1-0.0.1.1", "*.*.*.1", "0.0.0.0-0.0.3.1"};
	struct target_set *set = set_of(specs, COUNT(specs));
	struct target_cursor cursor = {0};
	struct addr addr;
	char text[ADDR_TEXT_BYTES];
	size_t n = 0;

	(void)state;
	for (n = 0; n < 257; n++)
		assert_true(target_next(set, NULL, &cursor, &addr));
	assert_string_equal(addr_format(&addr, text), "0.0.1.1");
	for (n = 0; target_next(set, NULL, &cursor, &addr) && addr_v4(&addr) % 256 == 1; n++)
		assert_int_equal(addr_v4(&addr), 0x201 + n * 256);
	assert_int_equal(n, (1 << 24) - 2);
	assert_string_equal(addr_format(&addr, text), "0.0.0.0");
	for (n = 0; target_next(set, NULL, &cursor, &addr); n++)
		assert_true(addr_v4(&addr) > 0x101 && addr_v4(&addr) < 0x301 && addr_v4(&addr) != 0x201);
	assert_int_equal(n, 510);
	target_set_free(set);
}

static void test_cursor_is_a_place(void **state)
{
	static const char *const specs[] = {"10.0.0.250-10.0.1.5", "10.1.*.1,3"};
	struct target_set *set = set_of(specs, COUNT(specs));
	struct target_cursor cursor = {0};
	struct addr addr;

	(void)state;
	for (int i = 0; target_next(set, NULL, &cursor, &addr); i++) {
		struct target_cursor copy = cursor;
		struct target_cursor again = cursor;
		struct addr a = {0};
		struct addr b = {0};

		assert_int_equal(target_next(set, NULL, &copy, &a), target_next(set, NULL, &again, &b));
		assert_true(addr_equal(&a, &b));
	}
	assert_false(target_next(set, NULL, &cursor, &addr));
	target_set_free(set);
}

/* ---- Against brute force: random specifications inside 10.0.0.0/22, so that all addresses can be listed. */

enum { UNIVERSE = 1024, UNIVERSE_START = 0x0a000000, MAX_SPECS = 8 };

struct random_spec {
	char text[2048];
	bool member[UNIVERSE];
};

static unsigned random_below(uint64_t *state, unsigned n)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(*state >> 33) % n;
}

/* Last octets in many runs, so that the pattern stays one, or in few, so that it becomes ranges. */
static void random_pattern(uint64_t *random, struct random_spec *spec)
{
	unsigned third = random_below(random, 4);
	unsigned through = third + random_below(random, 4 - third);
	unsigned pieces = 1 + random_below(random, 2) * random_below(random, 40) + random_below(random, 3);
	size_t at = (size_t)snprintf(spec->text, sizeof(spec->text), "10.0.%u-%u.", third, through);

	for (unsigned i = 0; i < pieces; i++) {
		unsigned first = random_below(random, 256);
		unsigned last = first + random_below(random, 1 + random_below(random, 256 - first));

		at += (size_t)snprintf(spec->text + at, sizeof(spec->text) - at, "%s%u-%u", i > 0 ? "," : "", first,
		                       last);
		for (unsigned t = third; t <= through; t++) {
			for (unsigned v = first; v <= last; v++)
				spec->member[t * 256 + v] = true;
		}
	}
}

static void random_spec(uint64_t *random, struct random_spec *spec)
{
	unsigned first = random_below(random, UNIVERSE);
	unsigned last = first + random_below(random, 1 + random_below(random, UNIVERSE - first));
	unsigned bits = 22 + random_below(random, 11);
	unsigned kind = random_below(random, 4);

	memset(spec, 0, sizeof(*spec));
	if (kind == 0) {
		random_pattern(random, spec);
		return;
	}
	if (kind == 1) {
		snprintf(spec->text, sizeof(spec->text), "10.0.%u.%u/%u", first / 256, first % 256, bits);
		last = first | ((1u << (32 - bits)) - 1);
		first &= ~((1u << (32 - bits)) - 1);
	} else if (kind == 2) {
		snprintf(spec->text, sizeof(spec->text), "10.0.%u.%u", first / 256, first % 256);
		last = first;
	} else {
		snprintf(spec->text, sizeof(spec->text), "10.0.%u.%u-10.0.%u.%u", first / 256, first % 256, last / 256,
		         last % 256);
	}
	for (unsigned i = first; i <= last; i++)
		spec->member[i] = true;
}

static void random_sets(uint64_t *random, struct random_spec *specs, size_t n, struct target_set *set,
                        bool member[UNIVERSE], uint64_t *size)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = {0};

		random_spec(random, &specs[i]);
		if (!target_set_add(set, specs[i].text, NULL, &err))
			fail_msg("'%s' is refused: %s", specs[i].text, err.text);
		for (unsigned a = 0; a < UNIVERSE; a++) {
			member[a] |= specs[i].member[a];
			*size += specs[i].member[a];
		}
	}
}

static void test_against_brute_force(void **state)
{
	static struct random_spec in[MAX_SPECS];
	static struct random_spec out[MAX_SPECS];
	uint64_t random = 20260131;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct target_set *include = target_set_new();
		struct target_set *exclude = target_set_new();
		bool included[UNIVERSE] = {false};
		bool done[UNIVERSE] = {false};
		size_t includes = 1 + random_below(&random, MAX_SPECS);
		struct target_cursor cursor = {0};
		uint64_t size = 0;
		uint64_t ignored = 0;
		struct addr addr;

		random_sets(&random, in, includes, include, included, &size);
		/* What is excluded counts as done from the start. */
		random_sets(&random, out, random_below(&random, MAX_SPECS), exclude, done, &ignored);
		assert_true(target_set_size(include) == size);
		for (unsigned a = 0; a < UNIVERSE; a++) {
			addr = addr_from_v4(UNIVERSE_START + a);
			assert_int_equal(target_set_contains(include, &addr), included[a]);
			assert_int_equal(target_set_contains(exclude, &addr), done[a]);
		}
		for (size_t i = 0; i < includes; i++) {
			for (unsigned a = 0; a < UNIVERSE; a++) {
				if (!in[i].member[a] || done[a])
					continue;
				done[a] = true;
				if (!target_next(include, exclude, &cursor, &addr))
					fail_msg("round %d: the visit ends before address %u of '%s'", round, a,
					         in[i].text);
				if (addr_v4(&addr) != UNIVERSE_START + a)
					fail_msg("round %d: %08x instead of address %u of '%s'", round, addr_v4(&addr),
					         a, in[i].text);
			}
		}
		assert_false(target_next(include, exclude, &cursor, &addr));
		target_set_free(include);
		target_set_free(exclude);
	}
}

/* The same with sets so large that the index has many blocks. */
static void test_many_single_addresses(void **state)
{
	enum { SPAN = 1 << 16 };
	static bool added[SPAN];
	struct target_set *set = target_set_new();
	struct target_cursor cursor = {0};
	uint64_t random = 7;
	size_t distinct = 0;
	size_t visited = 0;
	struct addr addr;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		unsigned a = random_below(&random, SPAN);
		char text[ADDR_TEXT_BYTES];

		addr = addr_from_v4(UNIVERSE_START + a);
		assert_true(target_set_add(set, addr_format(&addr, text), NULL, NULL));
		distinct += !added[a];
		added[a] = true;
	}
	assert_true(target_set_add(set, "10.0.0.0/16", NULL, NULL));
	for (unsigned a = 0; a < SPAN; a++) {
		addr = addr_from_v4(UNIVERSE_START + a);
		assert_true(target_set_contains(set, &addr));
	}
	for (visited = 0; target_next(set, NULL, &cursor, &addr); visited++) {
		assert_true((visited < distinct) == added[addr_v4(&addr) - UNIVERSE_START]);
		assert_true(addr_v4(&addr) - UNIVERSE_START < SPAN);
	}
	assert_int_equal(visited, SPAN);
	assert_true(target_set_size(set) == 40000 + SPAN);
	target_set_free(set);
}

/* ---- Lists from files. */

static bool add_list(struct target_set *set, const char *list, size_t bytes, struct err *err)
{
	int asked = 0;
	struct resolver resolver = {resolve, &asked};
	FILE *file = bytes > 0 ? fmemopen((void *)(uintptr_t)list, bytes, "r") : fopen("/dev/null", "r");
	bool ok = false;

	assert_non_null(file);
	ok = target_set_add_stream(set, file, "list.txt", &resolver, err);
	fclose(file);
	return ok;
}

static void assert_list(const char *list, const char *expected)
{
	struct target_set *set = target_set_new();
	struct err err = {0};
	char text[512];

	if (!add_list(set, list, strlen(list), &err))
		fail_msg("refused: %s", err.text);
	assert_string_equal(visit_text(set, NULL, text), expected);
	target_set_free(set);
}

static void assert_list_refused(const char *list, size_t bytes, const char *part)
{
	struct target_set *set = target_set_new();
	struct err err = {0};

	assert_false(add_list(set, list, bytes, &err));
	if (!strstr(err.text, part) || !strstr(err.text, "list.txt"))
		fail_msg("no '%s' in '%s'", part, err.text);
	assert_false(add_list(set, list, bytes, NULL));
	target_set_free(set);
}

static void test_list(void **state)
{
	(void)state;
	assert_list("", "");
	assert_list("\n\n# nothing\n", "");
	assert_list("10.0.0.1", "10.0.0.1");
	assert_list("10.0.0.1\n10.0.0.2\n", "10.0.0.1 10.0.0.2");
	assert_list("10.0.0.1 10.0.0.9\t10.0.0.5\r\n10.0.0.7", "10.0.0.1 10.0.0.9 10.0.0.5 10.0.0.7");
	assert_list("# head\n10.0.0.1# tail 10.0.0.2\n#10.0.0.3\n10.0.0.4 #", "10.0.0.1 10.0.0.4");
	assert_list("10.0.0.9,10.0.0.1", "10.0.0.9 10.0.0.1");
	assert_list("10.0.0.9,1", "10.0.0.1 10.0.0.9");
	assert_list("10.0.0.9, 10.0.0.1,\n,10.0.0.2 , ,", "10.0.0.9 10.0.0.1 10.0.0.2");
	assert_list("10.0.0.9,lab,10.0.0.4/31,,2001:db8::1-2001:db8::2",
	            "10.0.0.9 192.168.5.77 10.0.0.4 10.0.0.5 2001:db8::1 2001:db8::2");
	assert_list("\xef\xbb\xbf"
	            "10.0.0.1\n",
	            "10.0.0.1");
	assert_list("10.0.0.3\n10.0.0.1\n10.0.0.2\n10.0.0.3\n", "10.0.0.3 10.0.0.1 10.0.0.2");
}

static void test_list_errors(void **state)
{
	char *long_token = malloc(100000);

	(void)state;
	assert_list_refused("10.0.0.1\n10.0.0.300\n", 20, "line 2: '10.0.0.300': octet 300");
	assert_list_refused("10.0.0.1,10.0.0.300", 19, "line 1: '10.0.0.300'");
	assert_list_refused("10.0.0.1,300", 12, "line 1: '10.0.0.1,300': octet 300");
	assert_list_refused("#\n#\n\nnobody\n", 12, "line 4: the name nobody is not known");
	assert_list_refused("10.0.0.1\n10.0\0.0.2\n", 19, "line 2: a NUL byte");
	assert_list_refused("# a\0b\n", 6, "line 1: a NUL byte");
	memset(long_token, 'a', 100000);
	assert_list_refused(long_token, 100000, "line 1: a target of more than");
	long_token[0] = '\n';
	memset(long_token + 1, '1', 99999);
	assert_list_refused(long_token, 100000, "line 2: a target of more than");
	free(long_token);
}

/* A line may be long as long as its targets are not. */
static void test_list_of_one_long_line(void **state)
{
	struct target_set *set = target_set_new();
	char *list = malloc(1 << 20);
	size_t at = 0;
	struct addr last = {0};

	(void)state;
	for (unsigned a = 0; a < 40000; a++) {
		char text[ADDR_TEXT_BYTES];

		last = addr_from_v4(UNIVERSE_START + a);
		at += (size_t)sprintf(list + at, "%s%c", addr_format(&last, text), a % 3 == 0 ? ',' : ' ');
	}
	assert_true(add_list(set, list, at, NULL));
	assert_true(target_set_size(set) == 40000);
	assert_true(target_set_contains(set, &last));
	free(list);
	target_set_free(set);
}

static void test_list_that_cannot_be_read(void **state)
{
	struct target_set *set = target_set_new();
	struct err err = {0};
	FILE *directory = fopen("/", "r");

	(void)state;
	assert_non_null(directory);
	assert_false(target_set_add_stream(set, directory, "/", NULL, &err));
	assert_non_null(strstr(err.text, "Is a directory"));
	fclose(directory);
	target_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_specifications),
	        cmocka_unit_test(test_sizes),
	        cmocka_unit_test(test_empty_set),
	        cmocka_unit_test(test_malformed_addresses),
	        cmocka_unit_test(test_malformed_networks),
	        cmocka_unit_test(test_malformed_names),
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_order_and_overlap),
	        cmocka_unit_test(test_long_runs_are_jumped_over),
	        cmocka_unit_test(test_patterns_and_ranges),
	        cmocka_unit_test(test_cursor_is_a_place),
	        cmocka_unit_test(test_against_brute_force),
	        cmocka_unit_test(test_many_single_addresses),
	        cmocka_unit_test(test_list),
	        cmocka_unit_test(test_list_errors),
	        cmocka_unit_test(test_list_of_one_long_line),
	        cmocka_unit_test(test_list_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
