/* test_claim.c: the timetable of a claim, and what every kind of ARP packet means to it (RFC 5227), from bytes to bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/claim.h"
#include "nscan/wire.h"

#define MS INT64_C(1000000)

enum { REQUEST = 1, REPLY = 2, ARP_FRAME_BYTES = 42 };

static const uint8_t OWN[MAC_BYTES] = {2, 0, 0, 0, 0, 1}, OTHER[MAC_BYTES] = {2, 0, 0, 0, 0, 2},
                     THIRD[MAC_BYTES] = {2, 0, 0, 0, 0, 3}, GROUP[MAC_BYTES] = {3, 0, 0, 0, 0, 4},
                     EVERYBODY[MAC_BYTES] = {255, 255, 255, 255, 255, 255}, NOBODY[MAC_BYTES];

/* 10.77.0.N */
static struct addr lan(uint32_t n)
{
	return addr_from_v4(0x0a4d0000 | n);
}

static const struct addr NONE = {4, {0}};

/* Claims 10.77.0.(first) to (first + count - 1), given in descending order, from time 0 on. */
static struct claims started(uint32_t first, uint32_t count, double packets_per_s)
{
	struct addr addrs[64];
	struct claims claims;
	struct err err = {0};

	assert_true(count <= 64);
	for (uint32_t i = 0; i < count; i++)
		addrs[i] = lan(first + count - 1 - i);
	assert_true(claims_start(&claims, addrs, count, OWN, packets_per_s, 0, &err));
	return claims;
}

/* Gives out everything that is due up to and including `until_ns`; the number of packets. */
static size_t advance(struct claims *claims, int64_t until_ns)
{
	struct arp_packet packet;
	size_t n = 0;

	while (claims_next(claims, until_ns, &packet))
		n++;
	return n;
}

static struct claims held(uint32_t first, uint32_t count)
{
	struct claims claims = started(first, count, 0);

	assert_int_equal(advance(&claims, 10000 * MS), (CLAIM_PROBES + 1) * count);
	assert_true(claims_are_held(&claims));
	return claims;
}

/* A frame off the wire, decoded as the run loop does it. */
static struct reply decoded(const uint8_t *bytes, size_t n)
{
	struct reply reply;

	assert_true(decode_frame(FRAME_ETHERNET, bytes, n, &reply));
	return reply;
}

static struct reply arp(int operation, const uint8_t *sender_mac, struct addr sender, struct addr target)
{
	uint8_t frame[ARP_FRAME_BYTES] = {[12] = 8, 6, 0, 1, 8, 0, 6, 4, 0};

	memcpy(frame, EVERYBODY, 6);
	memcpy(frame + 6, sender_mac, 6);
	frame[21] = (uint8_t)operation;
	memcpy(frame + 22, sender_mac, 6);
	memcpy(frame + 28, sender.bytes, 4);
	memcpy(frame + 38, target.bytes, 4);
	return decoded(frame, sizeof(frame));
}

static struct arp_packet answer;
static const struct claim *about;

static enum claim_news receive(struct claims *claims, struct reply reply)
{
	answer = (struct arp_packet){0};
	about = NULL;
	return claims_receive(claims, &reply, &answer, &about);
}

/* RFC 5227 2.1.1 and 2.3: three probes for each address, a time to wait, one announcement for each. */
static void test_timetable(void **state)
{
	struct claims claims = started(10, 2, 0);
	int64_t interval_ns = 1000 * MS / CLAIM_PACKETS_PER_S, at_ns = 0;
	struct arp_packet packet;

	(void)state;
	for (size_t step = 0; step < 8; step++) {
		struct addr wanted = lan(10 + step % 2);
		struct addr sender = step < 6 ? NONE : wanted;

		at_ns = (int64_t)(step / 2) * 200 * MS + (int64_t)(step % 2) * interval_ns;
		at_ns += step >= 6 ? interval_ns : 0; /* the wait counts from the last probe */
		assert_false(claims_are_held(&claims));
		assert_int_equal(claims_wake(&claims), at_ns);
		assert_false(claims_next(&claims, at_ns - 1, &packet));
		assert_true(claims_next(&claims, at_ns, &packet));
		assert_false(packet.is_reply);
		assert_true(addr_equal(&packet.target, &wanted));
		assert_true(addr_equal(&packet.sender, &sender));
		assert_memory_equal(packet.to_mac, EVERYBODY, MAC_BYTES);
		assert_memory_equal(packet.target_mac, NOBODY, MAC_BYTES);
	}
	assert_true(claims_are_held(&claims));
	assert_true(claims_wake(&claims) == INT64_MAX);
	assert_false(claims_next(&claims, INT64_MAX, &packet));
	claims_free(&claims);
	assert_int_equal(claims.count, 0);
}

/* However slow, no more packets than allowed, and every probe has its time to be answered. */
static void test_slow(void **state)
{
	struct claims claims = started(10, 4, 10);

	(void)state;
	assert_int_equal(advance(&claims, 0), 1);
	assert_int_equal(advance(&claims, 99 * MS), 0);
	assert_int_equal(advance(&claims, 300 * MS), 3);
	assert_int_equal(advance(&claims, 1100 * MS), 8);
	assert_true(claims_wake(&claims) == 1300 * MS);
	assert_int_equal(advance(&claims, 1600 * MS), 4);
	assert_true(claims_are_held(&claims));
	claims_free(&claims);
	/* Fast is bounded too. */
	claims = started(10, 40, 1e9);
	assert_int_equal(advance(&claims, 10 * MS), 21);
	claims_free(&claims);
}

static void test_in_use(void **state)
{
	static const struct {
		const char *what;
		int operation;
		const uint8_t *mac;
		uint32_t sender, target; /* 0: 0.0.0.0 */
		enum claim_news news;
	} rows[] = {
	        {"the owner answers the probe", REPLY, OTHER, 11, 0, CLAIM_IN_USE},
	        {"the owner asks for somebody", REQUEST, OTHER, 11, 99, CLAIM_IN_USE},
	        {"the owner asks for another claimed address", REQUEST, OTHER, 11, 12, CLAIM_IN_USE},
	        {"the owner announces itself", REQUEST, OTHER, 11, 11, CLAIM_IN_USE},
	        {"an owner behind a group address", REPLY, GROUP, 11, 0, CLAIM_IN_USE},
	        {"somebody probes for it too", REQUEST, OTHER, 0, 11, CLAIM_IN_USE},
	        {"somebody looks for it", REQUEST, OTHER, 99, 11, CLAIM_NOTHING},
	        {"somebody answers somebody else", REPLY, OTHER, 99, 98, CLAIM_NOTHING},
	        {"a reply to it", REPLY, OTHER, 99, 11, CLAIM_NOTHING},
	        {"our own probe comes back", REQUEST, OWN, 0, 11, CLAIM_NOTHING},
	        {"our own announcement comes back", REQUEST, OWN, 11, 11, CLAIM_NOTHING},
	        {"somebody probes for a neighbour of it", REQUEST, OTHER, 0, 14, CLAIM_NOTHING},
	};
	struct addr claimed = lan(11);

	(void)state;
	/* At any time before the first announcement. */
	for (int64_t until_ns = 0; until_ns <= 600 * MS; until_ns += 200 * MS) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct claims claims = started(10, 4, 0);
			enum claim_news news;

			advance(&claims, until_ns);
			news = receive(&claims,
			               arp(rows[i].operation, rows[i].mac, rows[i].sender ? lan(rows[i].sender) : NONE,
			                   rows[i].target ? lan(rows[i].target) : NONE));
			if (news != rows[i].news)
				fail_msg("%s: news is %d", rows[i].what, news);
			if (news == CLAIM_IN_USE) {
				assert_true(addr_equal(&about->addr, &claimed));
				assert_memory_equal(about->rival_mac, rows[i].mac, MAC_BYTES);
			}
			claims_free(&claims);
		}
	}
}

static void test_answers(void **state)
{
	struct claims claims = held(10, 4);
	struct addr claimed = lan(13), asking = lan(99);

	(void)state;
	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, asking, claimed)), CLAIM_ANSWER);
	assert_true(answer.is_reply);
	assert_true(addr_equal(&answer.sender, &claimed));
	assert_true(addr_equal(&answer.target, &asking));
	assert_memory_equal(answer.target_mac, OTHER, MAC_BYTES);
	assert_memory_equal(answer.to_mac, OTHER, MAC_BYTES);

	/* Who probes for it is told that it is taken (RFC 5227 2.1.1). */
	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, NONE, claimed)), CLAIM_ANSWER);
	assert_true(addr_equal(&answer.target, &NONE));
	assert_true(addr_equal(&about->addr, &claimed));

	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, asking, lan(9))), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, asking, lan(14))), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REPLY, OTHER, asking, claimed)), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REQUEST, OWN, claimed, lan(12))), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REQUEST, GROUP, asking, claimed)), CLAIM_NOTHING);
	assert_int_equal(claims.lost_count, 0);
	claims_free(&claims);
}

/* Another machine begins to use a claimed address: told once, and that address is given up. */
static void test_conflict(void **state)
{
	struct claims claims = held(10, 4);
	struct addr claimed = lan(12), other_claimed = lan(13), asking = lan(99);

	(void)state;
	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, claimed, claimed)), CLAIM_CONFLICT);
	assert_true(addr_equal(&about->addr, &claimed));
	assert_true(about->lost);
	assert_memory_equal(about->rival_mac, OTHER, MAC_BYTES);
	assert_ptr_equal(claims.first_lost, about);

	assert_int_equal(receive(&claims, arp(REQUEST, OTHER, claimed, asking)), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REPLY, THIRD, claimed, asking)), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REQUEST, THIRD, asking, claimed)), CLAIM_NOTHING);
	assert_int_equal(receive(&claims, arp(REQUEST, THIRD, asking, other_claimed)), CLAIM_ANSWER);
	assert_int_equal(claims.lost_count, 1);

	assert_int_equal(receive(&claims, arp(REPLY, THIRD, other_claimed, asking)), CLAIM_CONFLICT);
	assert_int_equal(claims.lost_count, 2);
	assert_true(addr_equal(&claims.first_lost->addr, &claimed));
	claims_free(&claims);
}

static void test_other_packets(void **state)
{
	static const uint8_t icmp[] = {2, 0,  0, 0,   0,  1,  2,  0, 0,  0,  0,  2, 8,  0, 69, 0,   0,   28, 0, 1, 0,
	                               0, 64, 1, 102, 50, 10, 77, 0, 11, 10, 77, 0, 10, 0, 0,  255, 253, 0,  1, 0, 1};
	struct claims claims = started(10, 4, 0), nothing = {0};
	struct reply reply = decoded(icmp, sizeof(icmp));
	struct addr claimed = lan(11);
	struct arp_packet packet;

	(void)state;
	assert_int_equal(reply.kind, REPLY_ECHO);
	assert_true(addr_equal(&reply.src, &claimed));
	assert_int_equal(receive(&claims, reply), CLAIM_NOTHING);
	claims_free(&claims);

	/* Without --source-ips. */
	assert_int_equal(receive(&nothing, arp(REQUEST, OTHER, claimed, lan(10))), CLAIM_NOTHING);
	assert_int_equal(receive(&nothing, arp(REQUEST, NOBODY, claimed, lan(10))), CLAIM_NOTHING);
	assert_true(claims_are_held(&nothing));
	assert_false(claims_next(&nothing, 0, &packet));
	assert_true(claims_wake(&nothing) == INT64_MAX);
	claims_free(&nothing);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_timetable), cmocka_unit_test(test_slow),     cmocka_unit_test(test_in_use),
	        cmocka_unit_test(test_answers),   cmocka_unit_test(test_conflict), cmocka_unit_test(test_other_packets),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
