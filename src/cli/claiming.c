/* claiming.c: the claim of addresses before the scan, and its upkeep while the scan runs. What to do is decided in nscan/claim.h. */
#include "claiming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "source_check.h"

/* What a record says about packets that are about the claim and not about the scan. */
#define CLAIM_COMMENT "address claim (RFC 5227)"

bool claiming_check(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;

	if (o->source_count == 0)
		return true;
	if (scan->single_interface < 0)
		return err_set(err, ERR_USAGE,
		               "--source-ips: the targets are reached over several interfaces (this machine's own "
		               "addresses over "
		               "the loopback); name one with -e, or leave some out");
	scan->to_claim = calloc(o->source_count, sizeof(*scan->to_claim));
	if (!scan->to_claim)
		return err_set(err, ERR_SYSTEM, "out of memory while starting the scan");
	return source_check(&scan->network, scan->single_interface, o->sources, o->source_count, scan->to_claim,
	                    &scan->to_claim_count, err);
}

static void send_packet(struct scan *scan, const struct arp_packet *packet)
{
	uint8_t frame[CRAFT_MAX_BYTES];
	struct err err = {0};
	size_t n = craft_arp(scan->craft, scan->single_interface, packet, frame, &err);

	if (n == 0) {
		scan_say(scan, "cannot build a packet: %s", err.text);
		scan->claim_error = EINVAL;
		return;
	}
	trace_arp(&scan->trace, packet, scan->claims.mac, link_now(scan->link));
	journal_aside(scan->journal, scan->single_interface, frame, n, true, link_now(scan->link), CLAIM_COMMENT);
	scan->claim_packets++;
	link_send(scan->link, scan->single_interface, frame, n, CLAIM_COOKIE);
}

/* A machine that forwards takes packets to claimed addresses for its own to deliver, and complains when it cannot. */
static void warn_of_forwarding(struct scan *scan)
{
	const char *name = scan->network.interfaces[scan->single_interface].name;
	char path[128];
	FILE *file;
	int value;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", name);
	file = fopen(path, "re");
	if (!file)
		return;
	value = fgetc(file);
	fclose(file);
	if (value == '1')
		scan_say(scan,
		         "this machine forwards packets, and may send ICMP errors of its own about what comes for the "
		         "claimed addresses; sysctl -w net/ipv4/conf/%s/forwarding=0 prevents it",
		         name);
}

static bool in_use(const struct scan *scan, struct err *err)
{
	const struct claim *claim = scan->claims.first_lost;
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];

	return err_set(err, ERR_SYSTEM, "%s is in use by %s: leave it out of --source-ips",
	               addr_format(&claim->addr, text), mac_format(claim->rival_mac, mac));
}

/* Whether the packet could be about a claim at all. */
static bool concerns_claims(const struct scan *scan, const struct frame *frame, const struct reply *reply)
{
	return scan->claims.count > 0 && reply->kind == REPLY_ARP && frame->interface == scan->single_interface;
}

/* Before the scan nothing is answered; whether an address is in use, the claims remember. */
static void on_frame(void *context, const struct frame *frame)
{
	struct scan *scan = context;
	struct arp_packet answer;
	const struct claim *about;
	struct reply reply;

	if (!decode_frame(frame->type, frame->bytes, frame->captured, &reply) || !concerns_claims(scan, frame, &reply))
		return;
	journal_aside(scan->journal, frame->interface, frame->bytes, frame->captured, false, frame->at_ns,
	              CLAIM_COMMENT);
	if (claims_receive(&scan->claims, &reply, &answer, &about) == CLAIM_IN_USE && scan->trace.out) {
		interrupts_release();
		trace_received(&scan->trace, &reply, frame->at_ns);
	}
}

static bool wait_for_answers(struct scan *scan, struct err *err)
{
	int64_t until_ns = claims_wake(&scan->claims);
	bool ok = true;

	if (scan->stop_ns < until_ns)
		until_ns = scan->stop_ns;
	interrupts_hold();
	if (interrupts_seen() == 0)
		ok = link_recv(scan->link, until_ns, on_frame, scan, err);
	interrupts_release();
	return ok;
}

bool claiming_start(struct scan *scan, struct err *err)
{
	struct claims *claims = &scan->claims;
	struct arp_packet packet;

	if (scan->to_claim_count == 0)
		return true;
	warn_of_forwarding(scan);
	if (!claims_start(claims, scan->to_claim, scan->to_claim_count,
	                  scan->network.interfaces[scan->single_interface].mac, scan->options->max_rate,
	                  link_now(scan->link), err))
		return false;
	while (!claims_are_held(claims) && interrupts_seen() == 0 && link_now(scan->link) < scan->stop_ns) {
		while (claims_next(claims, link_now(scan->link), &packet))
			send_packet(scan, &packet);
		link_flush(scan->link);
		if (scan->claim_error)
			return err_set(err, ERR_SYSTEM, "cannot ask who has the addresses of --source-ips: %s",
			               send_error_text(scan->claim_error));
		if (!claims_are_held(claims) && !wait_for_answers(scan, err))
			return false;
		if (claims->first_lost)
			return in_use(scan, err);
	}
	return true;
}

void claiming_receive(struct scan *scan, const struct frame *frame, const struct reply *reply)
{
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	struct arp_packet answer;
	const struct claim *about;

	if (!concerns_claims(scan, frame, reply))
		return;
	switch (claims_receive(&scan->claims, reply, &answer, &about)) {
	case CLAIM_ANSWER:
		send_packet(scan, &answer);
		link_flush(scan->link);
		break;
	case CLAIM_CONFLICT:
		scan_say(scan,
		         "%s, claimed by --source-ips, is now used by %s too: nscan stops answering ARP for it, and "
		         "asks from it may go unanswered",
		         addr_format(&about->addr, text), mac_format(about->rival_mac, mac));
		break;
	default:
		break;
	}
}

const char *claiming_note(const struct scan *scan, char *out, size_t room)
{
	const struct claim *claim = scan->claims.first_lost;
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES], more[48] = "";

	if (!claim)
		return NULL;
	if (scan->claims.lost_count > 1)
		snprintf(more, sizeof(more), " (and %zu more)", scan->claims.lost_count - 1);
	snprintf(out, room, "%s, claimed by --source-ips, was used by %s too%s", addr_format(&claim->addr, text),
	         mac_format(claim->rival_mac, mac), more);
	return out;
}
