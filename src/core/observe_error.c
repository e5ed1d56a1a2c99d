/* observe_error.c: ICMP errors: the datagram they quote was a question, and they say what became of it. */
#include <string.h>

#include "nscan/checksum.h"
#include "observer.h"

#define EXPIRED "time-exceeded"
enum { START_S = 3 }; /* what was asked before the capture began may be answered that much later */

/* The error's own words about the host, whatever the question was. */
static void about_host(struct observer *o, uint32_t host, uint32_t sender, const struct icmp_row *row,
                       const struct proof *proof)
{
	struct seen_host *h = &o->hosts[host];

	if (sender == host) {
		h->answered |= ASKED_QUOTED;
		host_proved(o, host, proof);
		return;
	}
	/* A router speaks for it. "There is no way to that host" outweighs that something is not let through; of those where
	 * its time ran out the last one is the furthest. */
	if (row->meaning != ICMP_MEANS_FILTERED || h->gone)
		return;
	if (h->gone_reason && !row->host_gone && strcmp(h->gone_reason, EXPIRED) != 0)
		return;
	h->gone = row->host_gone;
	h->gone_reason = row->name;
	h->gone_from = sender;
}

/* What an unfinished checksum (left to the network card) of that question looks like: the sum of the pseudo-header. */
static bool checksum_is_unfinished(const struct observer *o, const struct flow *flow, uint16_t udp_bytes)
{
	uint32_t sum =
	        checksum_pseudo(&o->hosts[flow->client].addr, &o->hosts[flow->server].addr, IP_PROTO_UDP, udp_bytes);
	uint32_t unfinished = checksum_finish(sum) ^ UINT32_C(0xffff);

	return flow->checksum == unfinished;
}

enum verdict { QUOTE_TRUE, QUOTE_REWRITTEN, QUOTE_FALSE };

/* Whether the quote is of a question in that conversation (RFC 5927 4: ICMP errors are forgeable). Either of IP ID and UDP
 * checksum may be rewritten on the way (RFC 6864 4.3; NAT), hardly both. */
static enum verdict check_quote(const struct observer *o, const struct flow *flow, const struct quote *quote)
{
	bool same_id = quote->ip_id == flow->ip_id, same_checksum, unfinished;

	if (!quote->has_udp_checksum)
		return QUOTE_TRUE; /* nothing to compare; the ports fit */
	same_checksum = quote->udp_checksum == flow->checksum;
	unfinished = checksum_is_unfinished(o, flow, quote->udp_bytes);
	if (same_checksum || flow->again)
		return QUOTE_TRUE;
	if (unfinished || quote->udp_checksum == 0 || flow->checksum == 0)
		return same_id || unfinished ? QUOTE_TRUE : QUOTE_FALSE;
	return same_id && flow->ip_id != 0 ? QUOTE_REWRITTEN : QUOTE_FALSE;
}

/* The question that is quoted, as it was asked: by address and port on both sides. */
struct question_quoted {
	uint32_t client, server;
	uint32_t port; /* index; NONE: nobody asked it here */
	struct flow *flow;
	bool rewritten;
};

/* The asker by the addresses of the quote; or, where a NAT has not put them back (RFC 5508 4.2), by whom the error went to. */
static bool find_question(struct observer *o, const struct reply *reply, struct question_quoted *out)
{
	const struct quote *quote = &reply->quote;
	uint32_t outer;

	out->client = host_make(o, &quote->src);
	out->server = host_make(o, &quote->dst);
	if (out->client == NONE || out->server == NONE)
		return false;
	out->port = port_lookup(o, out->server, quote->dst_port);
	out->flow = flow_find(o, FLOW_UDP, out->client, quote->src_port, out->server, quote->dst_port);
	if (out->flow || out->port == NONE || addr_equal(&quote->src, &reply->dst))
		return true;
	outer = host_lookup(o, &reply->dst);
	if (outer == NONE || o->ports[out->port].last_client != outer)
		return true;
	out->flow = flow_find(o, FLOW_UDP, outer, o->ports[out->port].last_client_port, out->server, quote->dst_port);
	out->client = out->flow ? outer : out->client;
	out->rewritten = out->flow != NULL;
	return true;
}

/* Whether the error is to be believed. */
static bool is_credible(struct observer *o, struct question_quoted *question, const struct reply *reply, int64_t at_ns)
{
	const struct seen_host *server = &o->hosts[question->server];

	if (question->flow) {
		enum verdict verdict = check_quote(o, question->flow, &reply->quote);

		question->rewritten = question->rewritten || verdict == QUOTE_REWRITTEN;
		return verdict != QUOTE_FALSE;
	}
	/* The question is not in the capture. Others to that host are, after the beginning: then it was never asked. */
	return !server->asks_seen || at_ns < o->first_ns + START_S * 1000 * MS ||
	       (question->port != NONE && o->ports[question->port].last_client == question->client &&
	        o->ports[question->port].asks > 1);
}

static void refused(struct observer *o, const struct question_quoted *question, uint32_t sender,
                    const struct icmp_row *row, const struct proof *proof)
{
	bool by_target = sender == question->server;
	bool expired = row->meaning == ICMP_MEANS_FILTERED && strcmp(row->name, EXPIRED) == 0;
	struct finding finding = {.state = row->meaning == ICMP_MEANS_PORT_CLOSED && by_target ? PORT_CLOSED
	                                                                                       : PORT_FILTERED,
	                          .weight = by_target ? WEIGHT_TARGET
	                                    : expired ? WEIGHT_EXPIRED
	                                              : WEIGHT_ROUTER,
	                          .reason = row->name,
	                          .from = by_target ? NONE : sender,
	                          .client = question->client};
	struct seen_port *port = &o->ports[question->port];
	bool first = finding.weight > port->finding.weight ||
	             (finding.weight == port->finding.weight && (expired || proof->at_ns < port->at_ns));

	if (question->flow && question->flow->answered && question->flow->pending == 0 &&
	    findings_agree(&port->finding, &finding)) {
		port->duplicates++;
		return;
	}
	if (by_target)
		log_refusal(o, question->port, question->client, proof->at_ns);
	port->nat = port->nat || question->rewritten;
	if (!question->flow)
		port->quoted++;
	if (question->flow) {
		question->flow->pending = 0;
		question->flow->answered = true;
	}
	if (first) {
		port->has_ttl = true;
		port->ttl = proof->ttl;
		port->has_rtt = proof->has_rtt && proof->rtt_ns >= 0;
		port->rtt_ns = port->has_rtt ? proof->rtt_ns : 0;
		port->from_port = 0;
	}
	port_found(o, question->port, &finding, proof->at_ns);
	if (first)
		tell_port(o, question->port, proof->at_ns);
}

static void about_udp(struct observer *o, const struct icmp_row *row, const struct reply *reply, int64_t at_ns)
{
	const struct quote *quote = &reply->quote;
	struct question_quoted question = {0};
	struct proof proof = {.reason = row->name, .from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};
	uint32_t sender = host_make(o, &reply->src), receiver = host_lookup(o, &reply->dst);

	if (sender == NONE || !find_question(o, reply, &question))
		return;
	if (receiver != NONE)
		o->hosts[receiver].heard = true;
	/* Refused was an answer: the client had gone. That asks nothing of the client. */
	if (question.flow && question.flow->client == question.server &&
	    question.flow->client_port == quote->dst_port && question.flow->server_port == quote->src_port)
		return;
	if (!is_credible(o, &question, reply, at_ns)) {
		reject(o);
		return;
	}
	o->hosts[question.client].alive = true; /* it asked */
	o->hosts[question.server].asked |= ASKED_QUOTED;
	if (row->meaning == ICMP_MEANS_TOO_BIG || row->meaning == ICMP_MEANS_REASSEMBLY) {
		o->answered++;
		if (row->meaning == ICMP_MEANS_TOO_BIG)
			path_too_big(o, question.server, sender, reply, at_ns);
		else
			path_reassembly_failed(o, question.server);
		about_host(o, question.server, sender, row, &proof);
		return;
	}
	question.port = port_make(o, question.server, quote->dst_port);
	if (question.port == NONE)
		return;
	o->answered++;
	if (question.flow) {
		proof.has_rtt = question.flow->pending == 1;
		proof.rtt_ns = at_ns - question.flow->asked_ns;
	}
	about_host(o, question.server, sender, row, &proof);
	refused(o, &question, sender, row, &proof);
}

/* About an echo request, a TCP segment, ...: it says something about the host only. */
static void about_other(struct observer *o, const struct icmp_row *row, const struct reply *reply, int64_t at_ns)
{
	struct proof proof = {.reason = row->name, .from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};
	uint32_t sender = host_make(o, &reply->src), server = host_make(o, &reply->quote.dst);
	uint32_t receiver = host_lookup(o, &reply->dst), client;

	if (sender == NONE || server == NONE)
		return;
	if (receiver != NONE)
		o->hosts[receiver].heard = true;
	client = host_make(o, &reply->quote.src);
	if (client != NONE)
		o->hosts[client].alive = true;
	o->hosts[server].asked |= ASKED_QUOTED;
	o->answered++;
	if (row->meaning == ICMP_MEANS_TOO_BIG)
		path_too_big(o, server, sender, reply, at_ns);
	if (row->meaning == ICMP_MEANS_REASSEMBLY)
		path_reassembly_failed(o, server);
	about_host(o, server, sender, row, &proof);
}

void observe_error(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	const struct icmp_row *row = icmp_lookup(reply->src.family, reply->icmp_type, reply->icmp_code);
	const struct quote *quote = &reply->quote;
	uint8_t first = quote->dst.bytes[0];

	if (!row || row->meaning == ICMP_MEANS_NOTHING)
		return;
	if (first >= (quote->dst.family == 4 ? 224 : 255)) /* what was sent to a group asked nobody in particular */
		return;
	if (quote->protocol == IP_PROTO_UDP && quote->has_ports)
		about_udp(o, row, reply, at_ns);
	else
		about_other(o, row, reply, at_ns);
}
