/* test_probes.c: what each kind of probe carries, and which replies it takes for an answer: the right one, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/probe.h"
#include "nscan/wire.h"

static const uint16_t source_ports[] = {40000, 40001, 51234, 60999};
static const uint8_t operators_bytes[] = {1, 2, 3};
static const struct payload operators_data = {
        .name = "data", .nonce_offset = -1, .bytes = operators_bytes, .byte_count = sizeof(operators_bytes)};

static struct payload_book *book;

static int open_book(void **state)
{
	(void)state;
	book = payload_book_new();
	return book ? 0 : -1;
}

static int close_book(void **state)
{
	(void)state;
	payload_book_free(book);
	return 0;
}

static struct probe_settings settings_of_test(void)
{
	return (struct probe_settings){
	        .key = {1, 2, 3},
	        .source_ports = source_ports,
	        .source_port_count = sizeof(source_ports) / sizeof(source_ports[0]),
	        .ttl = 61,
	        .tos = 0x28,
	        .checksum_mode = CHECKSUM_CHOSEN,
	        .payloads = book,
	};
}

static struct ask ask_of(enum probe_kind kind, uint16_t port, uint16_t attempt)
{
	return (struct ask){
	        .kind = kind,
	        .src = addr_from_v4(0xc0a80001),
	        .dst = addr_from_v4(0xc0a80064),
	        .port = port,
	        .attempt = attempt,
	};
}

static struct probe made(const struct probe_settings *settings, const struct ask *ask)
{
	struct probe probe;

	memset(&probe, 0xa5, sizeof(probe)); /* whatever was there before */
	probe_modules[ask->kind]->make(settings, ask, &probe);
	return probe;
}

static enum match match_of(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply)
{
	return probe_modules[ask->kind]->matches(settings, ask, reply);
}

/* The data as it goes over the wire. */
static size_t wire_data(const struct probe *probe, uint8_t out[PAYLOAD_MAX_BYTES])
{
	if (probe->data_bytes)
		memcpy(out, probe->data ? probe->data : probe->echo_data, probe->data_bytes);
	if (probe->address_offset > 0)
		memcpy(out + probe->address_offset, probe->src.bytes, 4);
	if (probe->nonce_offset >= 0)
		put_u16(out + probe->nonce_offset, probe->nonce);
	return probe->data_bytes;
}

static uint16_t checksum_on_the_wire(const struct probe *probe)
{
	uint8_t data[PAYLOAD_MAX_BYTES];
	size_t n = wire_data(probe, data);

	return checksum_udp(&probe->src, &probe->dst, probe->src_port, probe->dst_port, data, n);
}

/* An ICMP error as a router or the target sends it about this probe, quoting header and 8 bytes. */
static struct reply error_about(const struct probe *probe)
{
	struct reply r = {
	        .kind = REPLY_ICMP_ERROR, .src = probe->dst, .dst = probe->src, .icmp_type = 3, .icmp_code = 3};

	r.quote = (struct quote){
	        .src = probe->src,
	        .dst = probe->dst,
	        .ip_id = probe->ip_id,
	        .bytes = 28,
	};
	if (probe->kind == PROBE_UDP) {
		r.quote.protocol = IP_PROTO_UDP;
		r.quote.has_ports = r.quote.has_udp_checksum = true;
		r.quote.src_port = probe->src_port;
		r.quote.dst_port = probe->dst_port;
		r.quote.udp_checksum = probe->udp_checksum;
		r.quote.udp_bytes = (uint16_t)(8 + probe->data_bytes);
	} else {
		r.quote.protocol = IP_PROTO_ICMP;
		r.quote.has_icmp_id = true;
		r.quote.icmp_type = probe->kind == PROBE_ECHO ? ICMP4_ECHO : ICMP4_TIMESTAMP;
		r.quote.icmp_id = probe->icmp_id;
		r.quote.icmp_sequence = probe->icmp_sequence;
	}
	return r;
}

static struct reply datagram(const struct probe *probe, const void *data, size_t n)
{
	return (struct reply){
	        .kind = REPLY_UDP,
	        .src = probe->dst,
	        .dst = probe->src,
	        .src_port = probe->dst_port,
	        .dst_port = probe->src_port,
	        .data = n ? data : NULL,
	        .data_bytes = n,
	};
}

/* Each of these changes alone turns an answer into none. */
static void refuse_other_addresses(const struct probe_settings *settings, const struct ask *ask, struct reply reply)
{
	struct reply r = reply;

	r.src.bytes[3] ^= 1;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.dst.bytes[3] ^= 2;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.checksum_bad = true;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
}

static void refuse_other_quotes(const struct probe_settings *settings, const struct ask *ask, struct reply reply)
{
	struct reply r = reply;

	assert_int_equal(match_of(settings, ask, &r), MATCH_PROVED);
	r.src.bytes[3] ^= 1; /* a router may speak */
	assert_int_equal(match_of(settings, ask, &r), MATCH_PROVED);
	r.quote.src.bytes[3] ^= 1;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.quote.dst.bytes[3] ^= 1;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.quote.protocol = 6;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.checksum_bad = true;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
	r = reply;
	r.kind = REPLY_OTHER;
	assert_int_equal(match_of(settings, ask, &r), MATCH_NO);
}

static void test_table(void **state)
{
	(void)state;
	for (int kind = 0; kind < PROBE_KIND_COUNT; kind++) {
		assert_non_null(probe_modules[kind]);
		assert_int_equal(probe_modules[kind]->kind, kind);
		assert_non_null(probe_modules[kind]->name);
	}
}

static void test_common_fields(void **state)
{
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (int kind = 0; kind < PROBE_KIND_COUNT; kind++) {
		struct ask ask = ask_of((enum probe_kind)kind, kind == PROBE_UDP ? 53 : 0, 0);
		struct probe probe, again;

		memset(&probe, 0, sizeof(probe));
		probe.interface = 7;
		probe.cookie = 99;
		probe.next_hop_mac[5] = 5;
		probe_modules[kind]->make(&settings, &ask, &probe);
		assert_int_equal(probe.interface, 7);
		assert_int_equal(probe.cookie, 99);
		assert_int_equal(probe.next_hop_mac[5], 5);
		assert_int_equal(probe.kind, kind);
		assert_true(addr_equal(&probe.src, &ask.src));
		assert_true(addr_equal(&probe.dst, &ask.dst));
		assert_int_equal(probe.ttl, 61);
		assert_int_equal(probe.tos, 0x28);
		assert_false(probe.dont_fragment);
		again = made(&settings, &ask); /* nothing depends on what the memory held */
		assert_int_equal(again.ip_id, probe.ip_id);
		assert_int_equal(again.udp_checksum, probe.udp_checksum);
		assert_int_equal(again.nonce, probe.nonce);
		assert_int_equal(again.nonce_offset, probe.nonce_offset);
		assert_memory_equal(again.echo_data, probe.echo_data, sizeof(probe.echo_data));
	}
}

static void test_arp(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_ARP, 0, 0);
	struct reply reply = {.kind = REPLY_ARP, .arp_is_reply = true, .src = ask.dst, .dst = ask.src, .mac = {2, 1}};
	struct reply r = reply;

	(void)state;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	r.arp_is_reply = false;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.src.bytes[3]++;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.kind = REPLY_ECHO;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	memset(r.mac, 0xff, MAC_BYTES); /* nobody is the broadcast address */
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	memset(r.mac, 0, MAC_BYTES);
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
}

static void test_echo(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_ECHO, 0, 2), earlier = ask_of(PROBE_ECHO, 0, 1);
	struct probe sent = made(&settings, &ask);
	struct reply reply = {
	        .kind = REPLY_ECHO,
	        .src = ask.dst,
	        .dst = ask.src,
	        .icmp_id = sent.icmp_id,
	        .icmp_sequence = sent.icmp_sequence,
	        .data = sent.echo_data,
	        .data_bytes = 8,
	};
	uint8_t other[8];
	struct reply r = reply;

	(void)state;
	assert_null(sent.data);
	assert_int_equal(sent.data_bytes, 8);
	assert_int_not_equal(sent.ip_id, 0);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	assert_int_equal(match_of(&settings, &earlier, &reply), MATCH_NO);
	refuse_other_addresses(&settings, &ask, reply);
	r.icmp_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.icmp_sequence ^= 0x100;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	for (size_t i = 0; i < 8; i++) {
		memcpy(other, sent.echo_data, 8);
		other[i] ^= 0x80;
		r = reply;
		r.data = other;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	}
	r = reply;
	r.data_bytes = 7;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r.data_bytes = 0;
	r.data = NULL;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.kind = REPLY_ECHO_REQUEST; /* our own, seen on loopback */
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
}

/* An echo of a wanted length: the first 8 bytes prove it, however much of it the capture kept or the host gave back. */
static void test_padded_echo(void **state)
{
	static uint8_t noise[PADDING_BYTES];
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_ECHO, 0, 0x4003), plain = ask;
	struct probe sent;
	struct reply reply;

	(void)state;
	settings.padding = noise;
	ask.bytes = 1500;
	sent = made(&settings, &ask);
	assert_int_equal(sent.data_bytes, 8);
	assert_int_equal(sent.padding_bytes, 1500 - 20 - 8 - 8);
	assert_ptr_equal(sent.padding, noise);
	reply = (struct reply){.kind = REPLY_ECHO,
	                       .src = ask.dst,
	                       .dst = ask.src,
	                       .icmp_id = sent.icmp_id,
	                       .icmp_sequence = sent.icmp_sequence,
	                       .data = sent.echo_data,
	                       .data_bytes = 8};
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	reply.data_bytes = 7;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
	reply.data_bytes = 8;
	reply.icmp_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
	/* Without a wanted length, or without noise, nothing is added. */
	assert_int_equal(made(&settings, &plain).padding_bytes, 0);
	settings.padding = NULL;
	assert_int_equal(made(&settings, &ask).padding_bytes, 0);
	/* Shorter than an echo can be. */
	settings.padding = noise;
	ask.bytes = 30;
	assert_int_equal(made(&settings, &ask).padding_bytes, 0);
}

/* A datagram of a wanted length takes no payload of the book; its checksum is chosen all the same. */
static void test_padded_udp(void **state)
{
	static uint8_t noise[PADDING_BYTES];
	static uint8_t whole[PADDING_BYTES];
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 13 + 5);
	settings.padding = noise;
	for (uint32_t bytes = 30; bytes <= 65535; bytes += bytes < 70 ? 1 : 4093) {
		struct ask ask = ask_of(PROBE_UDP, 53, 0x4000);
		struct probe sent;
		struct reply error;

		ask.bytes = (uint16_t)bytes;
		sent = made(&settings, &ask);
		assert_int_equal(20 + 8 + sent.data_bytes + sent.padding_bytes, bytes);
		assert_int_equal(sent.data_bytes, 2);
		put_u16(whole, sent.nonce);
		memcpy(whole + 2, sent.padding ? sent.padding : whole, sent.padding_bytes);
		assert_int_equal(checksum_udp(&sent.src, &sent.dst, sent.src_port, sent.dst_port, whole,
		                              sent.data_bytes + sent.padding_bytes),
		                 sent.udp_checksum);
		error = error_about(&sent);
		assert_int_equal(match_of(&settings, &ask, &error), MATCH_PROVED);
		ask.attempt++;
		assert_int_equal(match_of(&settings, &ask, &error), MATCH_NO);
	}
}

static void test_icmp_errors(void **state)
{
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (int kind = PROBE_ECHO; kind <= PROBE_TIMESTAMP; kind++) {
		struct ask ask = ask_of((enum probe_kind)kind, 0, 0);
		struct probe sent = made(&settings, &ask);
		struct reply reply = error_about(&sent), r = reply;

		refuse_other_quotes(&settings, &ask, reply);
		r.quote.icmp_id ^= 1;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
		r = reply;
		r.quote.icmp_sequence ^= 1;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
		r = reply;
		r.quote.ip_id ^= 1;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
		r = reply;
		r.quote.has_icmp_id = false;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
		r = reply;
		r.quote.icmp_type = ICMP4_ECHO_REPLY;
		assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	}
}

static void test_timestamp(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_TIMESTAMP, 0, 0);
	struct probe sent = made(&settings, &ask);
	uint8_t times[12] = {0};
	struct reply reply = {
	        .kind = REPLY_TIMESTAMP,
	        .src = ask.dst,
	        .dst = ask.src,
	        .icmp_id = sent.icmp_id,
	        .icmp_sequence = sent.icmp_sequence,
	        .data = times,
	        .data_bytes = sizeof(times),
	};
	struct reply r;

	(void)state;
	assert_true(sent.icmp_originate & 0x80000000); /* RFC 792: not milliseconds since midnight */
	put_u32(times, sent.icmp_originate);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	refuse_other_addresses(&settings, &ask, reply);
	r = reply;
	r.icmp_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.icmp_sequence ^= 1;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.data_bytes = 3;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r.data_bytes = 0;
	r.data = NULL;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	times[3] ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
}

static void test_udp_source_ports_are_ours_and_spread(void **state)
{
	struct probe_settings settings = settings_of_test();
	unsigned used[4] = {0};

	(void)state;
	for (uint32_t port = 1; port <= 4000; port++) {
		struct ask ask = ask_of(PROBE_UDP, (uint16_t)port, 0);
		struct probe sent = made(&settings, &ask);
		size_t i = 0;

		while (i < 4 && source_ports[i] != sent.src_port)
			i++;
		assert_true(i < 4);
		used[i]++;
		assert_int_not_equal(sent.ip_id, 0);
		assert_int_equal(sent.dst_port, port);
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(used[i], 850, 1150);
}

static void test_udp_checksum_is_right_and_chosen(void **state)
{
	struct probe_settings settings = settings_of_test();
	bool differs = false;

	(void)state;
	for (uint32_t port = 1; port <= 0xffff; port += port < 12000 ? 1 : 97) {
		for (uint16_t attempt = 0; attempt < 3; attempt++) {
			struct ask ask = ask_of(PROBE_UDP, (uint16_t)port, attempt), later = ask;
			struct probe sent = made(&settings, &ask), next;

			later.attempt += 12; /* the same payload again, a new identity */
			next = made(&settings, &later);
			assert_int_equal(sent.udp_checksum, checksum_on_the_wire(&sent));
			assert_int_not_equal(sent.udp_checksum, 0);
			assert_false(sent.checksum_forced);
			if (sent.nonce_offset >= 0) {
				assert_int_not_equal(sent.udp_checksum, 0xffff);
				differs = differs || sent.udp_checksum != next.udp_checksum;
			}
		}
	}
	assert_true(differs);
}

static void test_udp_odd_nonce_offset(void **state)
{
	/* SNMP's nonces stand at odd offsets: the sum sees their bytes swapped. */
	struct probe_settings settings = settings_of_test();
	unsigned odd = 0;

	(void)state;
	for (uint16_t attempt = 0; attempt < 100; attempt++) {
		struct ask ask = ask_of(PROBE_UDP, 161, attempt);
		struct probe sent = made(&settings, &ask);

		odd += sent.nonce_offset % 2 == 1;
		assert_int_equal(sent.udp_checksum, checksum_on_the_wire(&sent));
	}
	assert_int_equal(odd, 100);
}

static void test_udp_checksum_modes(void **state)
{
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (uint16_t port = 1; port < 6000; port++) {
		struct ask ask = ask_of(PROBE_UDP, port, 0);
		struct probe sent;

		settings.checksum_mode = CHECKSUM_NONE;
		sent = made(&settings, &ask);
		assert_int_equal(sent.udp_checksum, 0);
		assert_true(sent.checksum_forced);

		settings.checksum_mode = CHECKSUM_FIXED;
		settings.fixed_checksum = 0xbeef;
		sent = made(&settings, &ask);
		assert_int_equal(sent.udp_checksum, 0xbeef);
		assert_int_equal(sent.nonce, 0);
		assert_true(sent.checksum_forced);

		settings.checksum_mode = CHECKSUM_CHOSEN;
		settings.bad_checksum = true;
		sent = made(&settings, &ask);
		assert_int_not_equal(sent.udp_checksum, 0);
		assert_int_not_equal(sent.udp_checksum, checksum_on_the_wire(&sent));
		assert_true(sent.checksum_forced);
		settings.bad_checksum = false;
	}
}

static void test_bad_checksum_that_would_be_right_by_chance(void **state)
{
	/* With two bytes of data of every value, one of 65536 has the wanted checksum by chance: it must not be sent. */
	struct probe_settings settings = settings_of_test();
	uint8_t bytes[2];
	struct payload data = {.name = "data", .nonce_offset = -1, .bytes = bytes, .byte_count = 2};
	struct ask ask = ask_of(PROBE_UDP, 9999, 0);

	(void)state;
	settings.data = &data;
	settings.bad_checksum = true;
	for (uint32_t word = 0; word <= 0xffff; word++) {
		struct probe sent;

		put_u16(bytes, (uint16_t)word);
		sent = made(&settings, &ask);
		assert_int_not_equal(sent.udp_checksum, checksum_on_the_wire(&sent));
		assert_int_not_equal(sent.udp_checksum, 0);
	}
}

static void test_operators_data(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 53, 0);
	struct probe sent;
	struct reply reply;

	(void)state;
	settings.data = &operators_data;
	sent = made(&settings, &ask);
	assert_ptr_equal(sent.data, operators_bytes);
	assert_int_equal(sent.data_bytes, 3);
	assert_int_equal(sent.nonce_offset, -1);
	assert_int_equal(sent.udp_checksum, checksum_on_the_wire(&sent));
	reply = datagram(&sent, "x", 1);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
}

/* Errors about a probe whose checksum was chosen (port 53), and about one that is anybody's sum (port 9). */
static void test_udp_errors(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask dns = ask_of(PROBE_UDP, 53, 0), plain = ask_of(PROBE_UDP, 9, 0), later = ask_of(PROBE_UDP, 53, 2);
	struct probe sent = made(&settings, &dns);
	struct reply reply = error_about(&sent), r = reply;

	(void)state;
	refuse_other_quotes(&settings, &dns, reply);
	assert_int_equal(match_of(&settings, &later, &reply), MATCH_NO);
	r.quote.ip_id ^= 1; /* RFC 6864: a middlebox may rewrite it */
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_WEAK);
	r.quote.udp_checksum ^= 1;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r = reply;
	r.quote.udp_checksum ^= 1; /* the IP ID does not outweigh a wrong checksum */
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r.quote.udp_checksum = 0; /* somebody cleared it: then the IP ID has to be right */
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_WEAK);
	r.quote.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r = reply;
	r.quote.has_udp_checksum = false;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_WEAK);
	r.quote.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r = reply;
	r.quote.src_port ^= 1;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r = reply;
	r.quote.dst_port ^= 1;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);
	r = reply;
	r.quote.has_ports = false;
	assert_int_equal(match_of(&settings, &dns, &r), MATCH_NO);

	sent = made(&settings, &plain);
	assert_int_equal(sent.nonce_offset, -1);
	reply = r = error_about(&sent);
	assert_int_equal(match_of(&settings, &plain, &reply), MATCH_PROVED);
	r.quote.ip_id ^= 1; /* who knows the ports can compute that checksum */
	assert_int_equal(match_of(&settings, &plain, &r), MATCH_NO);
}

static void test_udp_errors_in_other_checksum_modes(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 53, 0);
	struct probe sent;
	struct reply reply;

	(void)state;
	settings.checksum_mode = CHECKSUM_NONE;
	sent = made(&settings, &ask);
	reply = error_about(&sent);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	reply.quote.udp_checksum = 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
	reply = error_about(&sent);
	reply.quote.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);

	settings.checksum_mode = CHECKSUM_FIXED;
	settings.fixed_checksum = 0x1234;
	sent = made(&settings, &ask);
	reply = error_about(&sent);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	reply.quote.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);

	settings.bad_checksum = true; /* chosen again, though wrong */
	sent = made(&settings, &ask);
	reply = error_about(&sent);
	reply.quote.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
}

static void test_udp_answers(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 53, 0);
	struct probe sent = made(&settings, &ask);
	uint8_t dns[12] = {0, 0, 0x80};
	struct reply reply, r;

	(void)state;
	put_u16(dns, sent.nonce);
	reply = datagram(&sent, dns, sizeof(dns));
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_PROVED);
	refuse_other_addresses(&settings, &ask, reply);
	r = reply;
	r.dst_port ^= 1;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	r = reply;
	r.src_port ^= 1;
	assert_int_equal(match_of(&settings, &ask, &r), MATCH_NO);
	dns[1] ^= 1; /* another transaction */
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
	reply = datagram(&sent, "hello", 5);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
	reply = datagram(&sent, NULL, 0);
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
}

static void test_zero_nonce_proves_nothing(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 53, 0);
	const uint8_t dns[12] = {0, 0, 0x80};
	struct probe sent;
	struct reply reply;

	(void)state;
	settings.checksum_mode = CHECKSUM_FIXED;
	sent = made(&settings, &ask);
	reply = datagram(&sent, dns, sizeof(dns));
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
}

static void test_answers_from_another_port(void **state)
{
	const uint8_t error[] = {0, 5, 0, 1, 'n', 'o', 0};
	struct probe_settings settings = settings_of_test();
	struct ask tftp = ask_of(PROBE_UDP, 69, 0), sip = ask_of(PROBE_UDP, 5060, 0);
	struct probe sent = made(&settings, &tftp);
	struct reply reply = datagram(&sent, error, sizeof(error));

	(void)state;
	assert_int_equal(match_of(&settings, &tftp, &reply), MATCH_WEAK);
	reply.src_port = 33333;
	assert_int_equal(match_of(&settings, &tftp, &reply), MATCH_WEAK);
	reply.dst_port ^= 1;
	assert_int_equal(match_of(&settings, &tftp, &reply), MATCH_NO);
	reply = datagram(&sent, "hello", 5);
	assert_int_equal(match_of(&settings, &tftp, &reply), MATCH_WEAK);
	reply.src_port = 33333; /* no TFTP: somebody else's datagram */
	assert_int_equal(match_of(&settings, &tftp, &reply), MATCH_NO);

	sent = made(&settings, &sip);
	reply = datagram(&sent, "SIP/2.0 200 OK\r\nCall-ID: nscan-options@nscan.invalid\r\n\r\n", 56);
	assert_int_equal(match_of(&settings, &sip, &reply), MATCH_WEAK);
	reply.src_port = 33333; /* a server that is not known to do so */
	assert_int_equal(match_of(&settings, &sip, &reply), MATCH_NO);
}

static void test_own_probe_is_no_answer(void **state)
{
	/* Loopback shows us what we send. The probe that goes from one of our ports to that same port looks like an answer. */
	static const uint16_t one_port[] = {40000};
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 40000, 0);
	struct probe sent;
	struct reply reply;

	(void)state;
	settings.source_ports = one_port;
	settings.source_port_count = 1;
	ask.src = ask.dst = addr_from_v4(0x7f000001);
	sent = made(&settings, &ask);
	reply = datagram(&sent, NULL, 0);
	reply.ip_id = sent.ip_id;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_NO);
	reply.ip_id ^= 1;
	assert_int_equal(match_of(&settings, &ask, &reply), MATCH_WEAK);
}

static void test_forgers_do_not_get_through(void **state)
{
	/* Who knows addresses, port and our source ports but not the key guesses checksum and IP ID of a probe without nonce:
	 * no better than one in 65536. */
	struct probe_settings settings = settings_of_test();
	struct ask ask = ask_of(PROBE_UDP, 9, 0);
	struct probe sent = made(&settings, &ask);
	struct reply forged = error_about(&sent);
	unsigned accepted = 0;

	(void)state;
	for (uint32_t id = 0; id <= 0xffff; id++) {
		forged.quote.ip_id = (uint16_t)id;
		accepted += match_of(&settings, &ask, &forged) != MATCH_NO;
	}
	assert_int_equal(accepted, 1);

	ask.port = 53;
	sent = made(&settings, &ask);
	forged = error_about(&sent);
	forged.quote.ip_id ^= 1;
	accepted = 0;
	for (uint32_t checksum = 0; checksum <= 0xffff; checksum++) {
		forged.quote.udp_checksum = (uint16_t)checksum;
		accepted += match_of(&settings, &ask, &forged) != MATCH_NO;
	}
	assert_int_equal(accepted, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_table),
	        cmocka_unit_test(test_common_fields),
	        cmocka_unit_test(test_arp),
	        cmocka_unit_test(test_echo),
	        cmocka_unit_test(test_padded_echo),
	        cmocka_unit_test(test_padded_udp),
	        cmocka_unit_test(test_icmp_errors),
	        cmocka_unit_test(test_timestamp),
	        cmocka_unit_test(test_udp_source_ports_are_ours_and_spread),
	        cmocka_unit_test(test_udp_checksum_is_right_and_chosen),
	        cmocka_unit_test(test_udp_odd_nonce_offset),
	        cmocka_unit_test(test_udp_checksum_modes),
	        cmocka_unit_test(test_bad_checksum_that_would_be_right_by_chance),
	        cmocka_unit_test(test_operators_data),
	        cmocka_unit_test(test_udp_errors),
	        cmocka_unit_test(test_udp_errors_in_other_checksum_modes),
	        cmocka_unit_test(test_udp_answers),
	        cmocka_unit_test(test_zero_nonce_proves_nothing),
	        cmocka_unit_test(test_answers_from_another_port),
	        cmocka_unit_test(test_own_probe_is_no_answer),
	        cmocka_unit_test(test_forgers_do_not_get_through),
	};

	return cmocka_run_group_tests_name("probes", tests, open_book, close_book);
}
