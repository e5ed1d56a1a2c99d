/* test_payload.c: the book of payloads, the form of what it sends, and what its judges make of real servers' answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/hash.h"
#include "nscan/payload.h"
#include "support/payload_fixture.h"

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define BYTES(text) text, sizeof(text) - 1
enum { NONCE = 0x1234 };

static void test_rows_are_whole(void **state)
{
	(void)state;
	assert_in_range(payload_book_size(book), 70, 200);
	for (size_t i = 0; i < payload_book_size(book); i++) {
		const struct payload *p = payload_book_at(book, i);

		assert_true(p->name && p->ports[0] != 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(payload_book_at(book, j)->name, p->name);
		assert_true(p->source && strlen(p->source) > 0);
		assert_in_range(p->byte_count, 1, PAYLOAD_MAX_BYTES);
		assert_non_null(p->bytes);
		if (p->nonce_offset < 0)
			continue;
		assert_in_range(p->nonce_offset, 0, p->byte_count - 2);
		if (p->bytes[p->nonce_offset] || p->bytes[p->nonce_offset + 1])
			fail_msg("%s: the nonce stands on other bytes", p->name);
	}
}

static void test_ports_that_have_to_be_there(void **state)
{
	/* Every service that answers a well-formed request, and one port of each. */
	static const uint16_t ports[] = {
	        7,     13,    17,    19,    37,    53,    67,    69,    88,    111,   123,   137,  161,   177,
	        323,   389,   427,   443,   500,   520,   523,   623,   853,   862,   1194,  1434, 1701,  1812,
	        1813,  1900,  2049,  2123,  2152,  2427,  3283,  3389,  3478,  3671,  3702,  4433, 4500,  4569,
	        5060,  5246,  5351,  5353,  5355,  5632,  5683,  5684,  6881,  7001,  8303,  9987, 10001, 10080,
	        11211, 17185, 19132, 20000, 27015, 27960, 30000, 44818, 47808, 48899, 64738,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++)
		assert_true(payload_count(book, ports[i]) > 0);
}

static void test_payloads_take_turns(void **state)
{
	(void)state;
	assert_int_equal(payload_count(book, 161), 2);
	assert_string_equal(payload_for(book, 161, 0)->name, "snmpv3-discovery");
	assert_string_equal(payload_for(book, 161, 1)->name, "snmpv1-get");
	assert_string_equal(payload_for(book, 161, 2)->name, "snmpv3-discovery");
	assert_string_equal(payload_for(book, 161, 0xffff)->name, "snmpv1-get");
	assert_ptr_equal(payload_for(book, 123, 0), payload_for(book, 123, 1));
}

static void test_other_ports_get_the_empty_datagram_first(void **state)
{
	static const uint16_t ports[] = {0, 1, 6, 8, 9, 514, 11210, 11212, 51820, 65535};

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		const struct payload *p = payload_for(book, ports[i], 0);
		size_t turns = payload_turns(book, ports[i]);

		assert_int_equal(payload_count(book, ports[i]), 0);
		assert_int_equal(p->byte_count, 0);
		assert_int_equal(p->nonce_offset, -1);
		assert_null(p->judge);
		assert_in_range(turns, 3, 6);
		for (uint16_t attempt = 1; attempt < turns; attempt++) {
			assert_true(payload_for(book, ports[i], attempt)->anywhere);
			assert_true(payload_for(book, ports[i], attempt)->nonce_offset >=
			            0); /* so that its answer proves */
		}
		assert_ptr_equal(payload_for(book, ports[i], (uint16_t)turns), p);
	}
}

/* The discovery's asks, which have bit 15 set, begin at the front too. */
static void test_discovery_begins_at_the_front(void **state)
{
	(void)state;
	assert_ptr_equal(payload_for(book, 443, 0x8000), payload_for(book, 443, 0));
	assert_ptr_equal(payload_for(book, 443, 0x8001), payload_for(book, 443, 1));
	assert_int_equal(payload_for(book, 40125, 0x8000)->byte_count, 0);
}

static void test_only_these_answer_from_elsewhere(void **state)
{
	unsigned others = 0;

	(void)state;
	for (size_t i = 0; i < payload_book_size(book); i++) {
		const struct payload *p = payload_book_at(book, i);

		others += p->other_port;
		assert_true(!p->other_port || p->judge);
	}
	assert_int_equal(others, 3);
	assert_true(payload_for(book, 69, 0)->other_port);
	assert_true(payload_for(book, 1900, 0)->other_port);
	assert_true(payload_for(book, 3702, 0)->other_port);
}

static void test_sets(void **state)
{
	struct payload_book *safe = payload_book_new();
	struct payload_book *none = payload_book_of(&(struct payload_choice){.set = PAYLOADS_NONE});
	size_t opt_in = 0;

	(void)state;
	assert_true(safe && none);
	assert_int_equal(payload_book_size(none), 0);
	for (uint16_t attempt = 0; attempt < 5; attempt++)
		assert_int_equal(payload_for(none, 53, attempt)->byte_count, 0);
	for (size_t i = 0; i < payload_book_size(safe); i++)
		assert_false(payload_book_at(safe, i)->opt_in);
	for (size_t i = 0; i < payload_book_size(book); i++)
		opt_in += payload_book_at(book, i)->opt_in;
	assert_true(opt_in > 0);
	assert_int_equal(payload_book_size(safe) + opt_in, payload_book_size(book));
	assert_int_equal(payload_count(safe, 3283), 0);
	payload_book_free(safe);
	payload_book_free(none);
}

static void test_own_payloads_come_first(void **state)
{
	const struct payload own[] = {
	        {.name = "own", .ports = {53}, .nonce_offset = -1, .bytes = (const uint8_t *)"one", .byte_count = 3},
	        {.name = "own", .ports = {9}, .nonce_offset = -1, .bytes = (const uint8_t *)"two", .byte_count = 3},
	        {.name = "own", .ports = {53}, .nonce_offset = -1, .bytes = NULL, .byte_count = 0},
	};
	struct payload_book *with = payload_book_of(&(struct payload_choice){PAYLOADS_SAFE, own, COUNT(own)});

	(void)state;
	assert_non_null(with);
	assert_int_equal(payload_count(with, 53), payload_count(book, 53) + 2);
	assert_ptr_equal(payload_for(with, 53, 0)->bytes, own[0].bytes);
	assert_int_equal(payload_for(with, 53, 1)->byte_count, 0);
	assert_string_equal(payload_for(with, 53, 2)->name, "dns-version-bind");
	assert_int_equal(payload_count(with, 9), 1);
	assert_ptr_equal(payload_for(with, 9, 7)->bytes, own[1].bytes);
	payload_book_free(with);
}

/* Byte for byte, as the specifications have it. */
static void test_known_bytes(void **state)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {
	        {"dns-version-bind", "000000000001000000000000"
	                             "0776657273696f6e0462696e6400"
	                             "00100003"},
	        {"ntp-client", "23000000"
	                       "00000000"
	                       "00000000"
	                       "00000000"
	                       "0000000000000000"
	                       "0000000000000000"
	                       "0000000000000000"
	                       "6e7363616e310000"},
	        {"rpc-portmapper-null", "6e730000"
	                                "00000000"
	                                "00000002"
	                                "000186a0"
	                                "00000002"
	                                "00000000"
	                                "00000000"
	                                "00000000"
	                                "00000000"
	                                "00000000"},
	        {"stun-binding", "0001"
	                         "0000"
	                         "2112a442"
	                         "6e7363616e207374756e0000"},
	        {"memcached-version", "0000"
	                              "0000"
	                              "0001"
	                              "0000"
	                              "76657273696f6e0d0a"},
	        {"tftp-read", "0001"
	                      "6e7363616e2d6e6f2d737563682d66696c6500"
	                      "6f6374657400"},
	        {"chrony-n-sources", "06010000"
	                             "000e"
	                             "0000"
	                             "6e730000"
	                             "00000000"
	                             "00000000"
	                             "000000000000000000000000"},
	        {"netbios-node-status", "000000000001000000000000"
	                                "20434b41414141414141414141414141414141414141414141414141414141414100"
	                                "00210001"},
	        {"snmpv1-get", "3029"
	                       "020100"
	                       "04067075626c6963"
	                       "a01c"
	                       "02046e730000"
	                       "020100"
	                       "020100"
	                       "300e"
	                       "300c"
	                       "06082b06010201010100"
	                       "0500"},
	        {"snmpv3-discovery", "303b"
	                             "020103"
	                             "3011"
	                             "02046e730000"
	                             "020300ffe3"
	                             "040104"
	                             "020103"
	                             "0410"
	                             "300e"
	                             "0400"
	                             "020100"
	                             "020100"
	                             "0400"
	                             "0400"
	                             "0400"
	                             "3011"
	                             "0400"
	                             "0400"
	                             "a00b"
	                             "020101"
	                             "020100"
	                             "020100"
	                             "3000"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct payload *p = by_name(rows[i].name);
		uint8_t bytes[PAYLOAD_MAX_BYTES];
		size_t n = from_hex(rows[i].hex, bytes);

		if (p->byte_count != n || memcmp(p->bytes, bytes, n) != 0)
			fail_msg("%s is not as its specification says", rows[i].name);
	}
}

/* The lengths inside an ISAKMP message add up: header, payloads, and the substructures of the security association. */
static void check_ike(const uint8_t *bytes, size_t n)
{
	size_t at = 28;
	uint8_t next = bytes[16];

	assert_int_equal((uint32_t)bytes[24] << 24 | bytes[25] << 16 | bytes[26] << 8 | bytes[27], n);
	while (next != 0) {
		size_t length;

		assert_true(at + 4 <= n);
		length = (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
		assert_true(length >= 4 && at + length <= n);
		next = bytes[at];
		at += length;
	}
	assert_int_equal(at, n);
}

static void test_ike_lengths(void **state)
{
	const struct payload *nat = by_name("ikev2-sa-init-nat");

	(void)state;
	check_ike(by_name("ikev2-sa-init")->bytes, by_name("ikev2-sa-init")->byte_count);
	check_ike(by_name("ikev1-main-mode")->bytes, by_name("ikev1-main-mode")->byte_count);
	assert_memory_equal(nat->bytes, "\0\0\0\0", 4);
	check_ike(nat->bytes + 4, nat->byte_count - 4);
	assert_int_equal(nat->nonce_offset, 4 + 6);
}

static void test_text_requests_end_with_an_empty_line(void **state)
{
	static const char *const names[] = {"ssdp-search", "sip-options"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct payload *p = by_name(names[i]);

		assert_memory_equal(p->bytes + p->byte_count - 4, "\r\n\r\n", 4);
		for (size_t j = 0; j < p->byte_count; j++)
			assert_true(p->bytes[j] == '\r' || p->bytes[j] == '\n' ||
			            (p->bytes[j] >= ' ' && p->bytes[j] < 127));
	}
}

/* What servers sent when the nonce was 0x1234: unbound, BIND, dnsmasq, avahi, Samba, chrony, Net-SNMP, rpcbind, strongSwan,
 * coturn, memcached, xinetd. */
static const struct {
	const char *name, *hex;
	enum answer with_wrong_nonce;
} real[] = {
        {"dns-version-bind",
         "1234808000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000000f0e756e626f756e6420312e313"
         "72e31",
         ANSWER_FOREIGN},
        {"dns-version-bind",
         "1234848000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000000d0c646e736d6173712d322e393"
         "0",
         ANSWER_FOREIGN},
        {"dns-localhost", "123481050001000000000000096c6f63616c686f73740000010001", ANSWER_FOREIGN},
        {"mdns-services",
         "123484000001000100000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c8001c00c000c000100000"
         "00a00140c5f"
         "776f726b73746174696f6e045f746370c023",
         ANSWER_FOREIGN},
        {"netbios-node-status",
         "12348400000000010000000020434b4141414141414141414141414141414141414141414141414141414141410000210001000000000"
         "041024c4142"
         "484f535420202020202020200004004c4142484f53542020202020202020030400",
         ANSWER_FOREIGN},
        {"ntp-client",
         "240a00e600000000000000007f7f0101eeaa8bc96505a5c26e7363616e311234eeaa8bca688faf65eeaa8bca68941a1a",
         ANSWER_FOREIGN},
        {"chrony-n-sources", "06020000000e000200000000000000006e731234000000000000000000000000", ANSWER_FOREIGN},
        {"snmpv3-discovery",
         "306e020103301102046e731234020300ffe30401000201030421301f041180001f888039cdf7373a0d006b00000000020101020112040"
         "004000400"
         "3033041180001f888039cdf7373a0d006b000000000400a81c0201010201000201003011300f060a2b060106030f01010400410101",
         ANSWER_FOREIGN},
        {"snmpv1-get",
         "302e02010004067075626c6963a22102046e731234020100020100301330110608"
         "2b0601020101010004054c696e7578",
         ANSWER_FOREIGN},
        {"rpc-portmapper-null", "6e7312340000000100000000000000000000000000000000", ANSWER_FOREIGN},
        {"ikev2-sa-init", "6e7363616e31123489426e5edd575de2292022200000000000000024000000080000000e", ANSWER_FOREIGN},
        {"ikev1-main-mode", "6e7363616e311234edc283b7748884690b1005007470ed95000000280000000c000000010100000e",
         ANSWER_FOREIGN},
        {"ikev2-sa-init-nat", "000000006e7363616e311234b11149699fc0a973292022200000000000000024000000080000000e",
         ANSWER_FOREIGN},
        {"stun-binding",
         "0101003c2112a4426e7363616e207374756e1234002000080001a0f35e12a44300010008000181e17f000001802b000800010d967f000"
         "00180220014"
         "436f7475726e2d342e362e312027476f72737427",
         ANSWER_FOREIGN},
        {"memcached-version", "123400000001000056455253494f4e20312e362e31380d0a", ANSWER_FOREIGN},
        {"echo", "1234", ANSWER_UNKNOWN},
};

static void test_real_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(real); i++) {
		const struct payload *p = by_name(real[i].name);
		uint8_t bytes[PAYLOAD_MAX_BYTES];
		size_t n = from_hex(real[i].hex, bytes);

		if (judged(p, bytes, n, NONCE) != ANSWER_PROVED)
			fail_msg("%s: a real answer is not proved", p->name);
		for (int bit = 0; bit < 16; bit++)
			assert_int_equal(judged(p, bytes, n, (uint16_t)(NONCE ^ 1 << bit)), real[i].with_wrong_nonce);
	}
}

static void test_cut_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(real); i++) {
		const struct payload *p = by_name(real[i].name);
		uint8_t bytes[PAYLOAD_MAX_BYTES];
		size_t whole = from_hex(real[i].hex, bytes);

		for (size_t n = 0; n < whole; n++)
			assert_int_not_equal(judged(p, bytes, n, NONCE ^ 1), ANSWER_PROVED);
		assert_int_equal(judged(p, bytes, 0, NONCE), ANSWER_UNKNOWN);
		assert_int_equal(judged(p, bytes, 1, 0x12), ANSWER_UNKNOWN);
	}
}

static void test_other_protocols_are_unknown(void **state)
{
	static const char text[] =
	        "220 hello, this is another service altogether, and quite a long greeting it has\r\n";

	(void)state;
	for (size_t i = 0; i < COUNT(real); i++) {
		const struct payload *p = by_name(real[i].name);
		enum answer answer = judged(p, (const uint8_t *)text, sizeof(text) - 1, NONCE);

		assert_int_equal(answer, ANSWER_UNKNOWN);
	}
}

static void test_protocols_without_an_id(void **state)
{
	static const struct {
		const char *name, *answer;
		size_t n;
		enum answer verdict;
	} rows[] = {
	        {"tftp-read",
	         BYTES("\0\5\0\1"
	               "File not found\0"),
	         ANSWER_FITS},
	        {"tftp-read",
	         BYTES("\0\3\0\1"
	               "data"),
	         ANSWER_FITS},
	        {"tftp-read", BYTES("\0\3\0\1"), ANSWER_FITS},
	        {"tftp-read",
	         BYTES("\0\3\0\2"
	               "data"),
	         ANSWER_UNKNOWN},
	        {"tftp-read",
	         BYTES("\0\5\0\1"
	               "unended"),
	         ANSWER_UNKNOWN},
	        {"tftp-read",
	         BYTES("\0\5\0\x30"
	               "no\0"),
	         ANSWER_UNKNOWN},
	        {"tftp-read",
	         BYTES("\0\6"
	               "blksize\0"
	               "512\0"),
	         ANSWER_FITS},
	        {"tftp-read",
	         BYTES("\0\1"
	               "file\0"
	               "octet\0"),
	         ANSWER_UNKNOWN},
	        {"tftp-read", BYTES("\0\3\0"), ANSWER_UNKNOWN},
	        {"tftp-read", BYTES(""), ANSWER_UNKNOWN},
	        {"ssdp-search", BYTES("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"), ANSWER_FITS},
	        {"ssdp-search", BYTES("NOTIFY * HTTP/1.1\r\n\r\n"), ANSWER_UNKNOWN},
	        {"ssdp-search", BYTES("HTTP"), ANSWER_UNKNOWN},
	        {"sip-options", BYTES("SIP/2.0 404 Not Found\r\nCall-ID: nscan-options@nscan.invalid\r\n\r\n"),
	         ANSWER_FITS},
	        {"sip-options", BYTES("SIP/2.0 200 OK\r\nCall-ID: somebody@else\r\n\r\n"), ANSWER_FOREIGN},
	        {"sip-options", BYTES("SIP/2.0 200 OK\r\nCall-ID: nscan-options@nscan.inval"), ANSWER_FOREIGN},
	        {"sip-options", BYTES("OPTIONS sip:x SIP/2.0\r\n\r\n"), ANSWER_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct payload *p = by_name(rows[i].name);

		if (judged(p, (const uint8_t *)rows[i].answer, rows[i].n, 0) != rows[i].verdict)
			fail_msg("%s, row %zu", rows[i].name, i);
	}
}

static void test_snmp_long_lengths(void **state)
{
	/* The outer length in two, three and five bytes, as agents write it that reserve room for it. */
	static const char *const heads[] = {"308129", "30820029", "308400000029"};
	static const char rest[] = "02010004067075626c6963a21c02046e731234020100020100300e300c06082b060102010101000500";
	const struct payload *p = by_name("snmpv1-get");

	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		uint8_t bytes[64];
		size_t n = from_hex(heads[i], bytes);

		n += from_hex(rest, bytes + n);
		assert_int_equal(judged(p, bytes, n, NONCE), ANSWER_PROVED);
	}
}

static void test_judges_survive_anything(void **state)
{
	struct rng rng = rng_from_seed(11);

	(void)state;
	for (size_t i = 0; i < COUNT(real); i++) {
		const struct payload *p = by_name(real[i].name);
		uint8_t good[PAYLOAD_MAX_BYTES], bytes[PAYLOAD_MAX_BYTES];
		size_t whole = from_hex(real[i].hex, good);

		for (int round = 0; round < 3000; round++) {
			size_t n = whole;

			memcpy(bytes, good, whole);
			for (uint32_t flips = rng_below(&rng, 6); flips > 0; flips--)
				bytes[rng_below(&rng, (uint32_t)n)] = (uint8_t)rng_next(&rng);
			n = rng_below(&rng, (uint32_t)n + 1);
			assert_in_range(judged(p, bytes, n, NONCE), ANSWER_FOREIGN, ANSWER_FITS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rows_are_whole),
	        cmocka_unit_test(test_ports_that_have_to_be_there),
	        cmocka_unit_test(test_payloads_take_turns),
	        cmocka_unit_test(test_other_ports_get_the_empty_datagram_first),
	        cmocka_unit_test(test_discovery_begins_at_the_front),
	        cmocka_unit_test(test_sets),
	        cmocka_unit_test(test_own_payloads_come_first),
	        cmocka_unit_test(test_only_these_answer_from_elsewhere),
	        cmocka_unit_test(test_known_bytes),
	        cmocka_unit_test(test_ike_lengths),
	        cmocka_unit_test(test_text_requests_end_with_an_empty_line),
	        cmocka_unit_test(test_real_answers),
	        cmocka_unit_test(test_cut_answers),
	        cmocka_unit_test(test_other_protocols_are_unknown),
	        cmocka_unit_test(test_protocols_without_an_id),
	        cmocka_unit_test(test_snmp_long_lengths),
	        cmocka_unit_test(test_judges_survive_anything),
	};

	return cmocka_run_group_tests_name("payload", tests, open_book, close_book);
}
