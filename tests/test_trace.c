/* test_trace.c: packets as lines of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/cli/trace.h"
#include "nscan/wire.h"

static const uint16_t held[] = {40123};
static const struct addr us = {4, {10, 0, 0, 1}}, them = {4, {10, 0, 0, 2}};

/* What was traced since the last call. */
struct fixture {
	struct trace trace;
	struct probe_settings settings;
	struct payload data;
	char *text;
	size_t bytes;
};

static void open_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->settings.source_ports = held;
	f->settings.source_port_count = 1;
	f->data = (struct payload){.name = "data"};
	f->settings.data = &f->data;
	f->trace = (struct trace){open_memstream(&f->text, &f->bytes), 1000000000, &f->settings};
	assert_non_null(f->trace.out);
}

static void assert_line(struct fixture *f, const char *expected)
{
	assert_int_equal(fclose(f->trace.out), 0);
	assert_string_equal(f->text, expected);
	free(f->text);
	open_fixture(f);
}

static void close_fixture(struct fixture *f)
{
	fclose(f->trace.out);
	free(f->text);
}

static void test_sent(void **state)
{
	static const uint8_t packet[IPV4_HEADER_BYTES] = {0x45, 0, 0, 46};
	uint8_t frame[ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES] = {0};
	struct fixture f;
	struct probe probe = {.kind = PROBE_UDP,
	                      .src = us,
	                      .dst = them,
	                      .ttl = 64,
	                      .ip_id = 4711,
	                      .src_port = 40123,
	                      .dst_port = 53,
	                      .udp_checksum = 0x1234,
	                      .data = packet,
	                      .data_bytes = 18,
	                      .link = LINK_ETHERNET};

	(void)state;
	open_fixture(&f);
	memcpy(frame + ETHERNET_HEADER_BYTES, packet, sizeof(packet));
	trace_sent(&f.trace, &probe, frame, sizeof(frame), 1012300000);
	assert_line(&f,
	            "SENT (0.0123s) UDP 10.0.0.1:40123 > 10.0.0.2:53 ttl=64 id=4711 len=46 csum=0x1234 payload=data\n");
	probe.data_bytes = 0;
	probe.link = LINK_RAW_IP;
	trace_sent(&f.trace, &probe, packet, sizeof(packet), 1000000000);
	assert_line(
	        &f,
	        "SENT (0.0000s) UDP 10.0.0.1:40123 > 10.0.0.2:53 ttl=64 id=4711 len=46 csum=0x1234 payload=empty\n");
	/* A frame too short to have a length is no reason to read past it. */
	trace_sent(&f.trace, &probe, packet, 3, 1000000000);
	assert_line(&f,
	            "SENT (0.0000s) UDP 10.0.0.1:40123 > 10.0.0.2:53 ttl=64 id=4711 len=0 csum=0x1234 payload=empty\n");
	probe.kind = PROBE_TIMESTAMP;
	probe.icmp_id = 7;
	probe.icmp_sequence = 8;
	trace_sent(&f.trace, &probe, packet, sizeof(packet), 1000000000);
	assert_line(&f,
	            "SENT (0.0000s) ICMP 10.0.0.1 > 10.0.0.2 timestamp-request id=7 seq=8 ttl=64 ipid=4711 len=46\n");
	probe.kind = PROBE_ECHO;
	probe.dont_fragment = true;
	trace_sent(&f.trace, &probe, packet, sizeof(packet), 1000000000);
	assert_line(&f, "SENT (0.0000s) ICMP 10.0.0.1 > 10.0.0.2 echo-request id=7 seq=8 ttl=64 ipid=4711 len=46 DF\n");
	probe.dont_fragment = false;
	probe.fragment_offset = 1480;
	probe.fragment_bytes = 26;
	probe.more_fragments = true;
	trace_sent(&f.trace, &probe, packet, sizeof(packet), 1000000000);
	assert_line(&f, "SENT (0.0000s) ICMP 10.0.0.1 > 10.0.0.2 echo-request id=7 seq=8 ttl=64 ipid=4711 len=46 "
	                "offset=1480+\n");
	probe.kind = PROBE_ARP;
	trace_sent(&f.trace, &probe, frame, sizeof(frame), 1000000000);
	assert_line(&f, "SENT (0.0000s) ARP who-has 10.0.0.2 tell 10.0.0.1\n");
	close_fixture(&f);
}

static void test_received(void **state)
{
	struct fixture f;
	struct reply reply = {.src = them, .dst = us, .ttl = 63, .ip_id = 9, .ip_total_bytes = 74};

	(void)state;
	open_fixture(&f);
	reply.kind = REPLY_ICMP_ERROR;
	reply.icmp_type = ICMP4_UNREACHABLE;
	reply.icmp_code = ICMP4_CODE_PORT;
	reply.quote = (struct quote){.src = us,
	                             .dst = them,
	                             .protocol = IP_PROTO_UDP,
	                             .ip_id = 4711,
	                             .has_ports = true,
	                             .src_port = 40123,
	                             .dst_port = 53,
	                             .has_udp_checksum = true,
	                             .udp_checksum = 0x1234};
	trace_received(&f.trace, &reply, 1013000000);
	assert_line(&f,
	            "RCVD (0.0130s) ICMP 10.0.0.2 > 10.0.0.1 port-unreach type=3 code=3 (quotes UDP 10.0.0.1:40123 > "
	            "10.0.0.2:53 id=4711 csum=0x1234) ttl=63 ipid=9 len=74\n");
	reply.icmp_code = ICMP4_CODE_FRAGMENTATION_NEEDED;
	reply.next_hop_mtu = 1400;
	reply.checksum_bad = true;
	reply.quote.has_ports = reply.quote.has_udp_checksum = false;
	trace_received(&f.trace, &reply, 1000000000);
	assert_line(&f, "RCVD (0.0000s) ICMP 10.0.0.2 > 10.0.0.1 frag-needed type=3 code=4 mtu=1400 (quotes protocol "
	                "17 10.0.0.1 > "
	                "10.0.0.2 id=4711) ttl=63 ipid=9 len=74 BAD CHECKSUM\n");
	reply.checksum_bad = false;
	reply.kind = REPLY_ECHO;
	reply.icmp_id = 3;
	reply.icmp_sequence = 4;
	trace_received(&f.trace, &reply, 1000000000);
	assert_line(&f, "RCVD (0.0000s) ICMP 10.0.0.2 > 10.0.0.1 echo-reply id=3 seq=4 ttl=63 ipid=9 len=74\n");
	reply.kind = REPLY_UDP;
	reply.src_port = 53;
	reply.dst_port = 40123;
	reply.data_bytes = 46;
	trace_received(&f.trace, &reply, 1000000000);
	assert_line(&f, "RCVD (0.0000s) UDP 10.0.0.2:53 > 10.0.0.1:40123 data=46 ttl=63 ipid=9 len=74\n");
	reply.kind = REPLY_ARP;
	reply.arp_is_reply = true;
	reply.has_mac = true;
	memcpy(reply.mac, "\x02\x42\xc0\xa8\x00\x64", MAC_BYTES);
	trace_received(&f.trace, &reply, 1000000000);
	assert_line(&f, "RCVD (0.0000s) ARP reply 10.0.0.2 is-at 02:42:C0:A8:00:64\n");
	close_fixture(&f);
}

/* Other people's packets are not shown. */
static void test_not_for_us(void **state)
{
	static const struct reply replies[] = {
	        {.kind = REPLY_NONE},
	        {.kind = REPLY_OTHER},
	        {.kind = REPLY_ECHO_REQUEST},
	        {.kind = REPLY_ARP, .arp_is_reply = false},
	        {.kind = REPLY_UDP, .dst_port = 53},
	};
	struct fixture f;

	(void)state;
	open_fixture(&f);
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		trace_received(&f.trace, &replies[i], 1000000000);
	assert_line(&f, "");
	close_fixture(&f);
}

static void test_own_arp(void **state)
{
	static const uint8_t mac[MAC_BYTES] = {2, 0, 0, 0, 0, 9};
	struct arp_packet probe = {.sender = addr_from_v4(0), .target = us};
	struct arp_packet announcement = {.sender = us, .target = us};
	struct arp_packet reply = {.is_reply = true, .sender = us, .target = them};
	struct trace off = {0};
	struct fixture f;

	(void)state;
	open_fixture(&f);
	trace_arp(&f.trace, &probe, mac, 1000000000);
	assert_line(&f, "SENT (0.0000s) ARP who-has 10.0.0.1 tell 0.0.0.0\n");
	trace_arp(&f.trace, &announcement, mac, 1600000000);
	assert_line(&f, "SENT (0.6000s) ARP announcement 10.0.0.1 is-at 02:00:00:00:00:09\n");
	trace_arp(&f.trace, &reply, mac, 2000000000);
	assert_line(&f, "SENT (1.0000s) ARP reply 10.0.0.1 is-at 02:00:00:00:00:09\n");
	trace_arp(&off, &reply, mac, 2000000000);
	assert_line(&f, "");
	close_fixture(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sent),
	        cmocka_unit_test(test_own_arp),
	        cmocka_unit_test(test_received),
	        cmocka_unit_test(test_not_for_us),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
