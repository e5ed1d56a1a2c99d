/* observe_udp.c: UDP datagrams as questions and answers, and what is found out about ports. */
#include <stdlib.h>
#include <string.h>

#include "observe_side.h"
#include "observer.h"

enum {
	MIRROR_MS = 2,     /* the same datagram within that time was captured twice, not sent twice */
	MOST_READINGS = 4, /* answers of a port that are read */
	OTHER_PORT_S = 10, /* how long an answer from another port may take */
};

bool findings_agree(const struct finding *a, const struct finding *b)
{
	return a->weight == b->weight && a->state == b->state && a->from == b->from &&
	       strcmp(a->reason, b->reason) == 0;
}

/* Two findings that cannot both be told. Where datagrams expire on their way differs with their TTL: no contradiction. */
static void keep_other(struct seen_port *port, const struct finding *finding)
{
	if (finding->weight == WEIGHT_EXPIRED || findings_agree(&port->finding, finding))
		return;
	if (port->other.weight == WEIGHT_NONE)
		port->other = *finding;
}

void port_found(struct observer *o, uint32_t index, const struct finding *finding, int64_t at_ns)
{
	struct seen_port *port = &o->ports[index];

	if (port->finding.weight == finding->weight && finding->weight != WEIGHT_EXPIRED) {
		keep_other(port, finding);
		if (at_ns >= port->at_ns || port->other.weight == WEIGHT_NONE)
			return;
		/* Out of order: what came first in time is what is told. */
		port->other = port->finding;
	} else if (port->finding.weight > finding->weight) {
		keep_other(port, finding);
		return;
	} else if (port->finding.weight != WEIGHT_NONE) {
		struct finding before = port->finding;

		port->finding = *finding;
		keep_other(port, &before);
	}
	port->finding = *finding;
	port->at_ns = at_ns;
}

/* A question to a port. Flows hold the newest; the port's count and the log hold what is needed for good. */
static void ask(struct observer *o, struct flow *flow, const struct reply *reply, uint32_t fragment_bytes,
                int64_t at_ns)
{
	uint32_t server = flow->server, client = flow->client, index;
	struct seen_host *host = &o->hosts[server];
	struct seen_port *port;
	bool mirrored = flow->ip_id == reply->ip_id && flow->checksum == reply->udp_checksum && flow->pending > 0 &&
	                at_ns - flow->asked_ns < MIRROR_MS * MS && at_ns >= flow->asked_ns &&
	                flow->bytes == reply->ip_total_bytes && reply->ip_id != 0;

	if (mirrored) {
		o->mirrored++;
		return;
	}
	flow->again = flow->again || flow->pending > 0 || flow->answered;
	flow->asked_ns = at_ns;
	flow->ip_id = reply->ip_id;
	flow->checksum = reply->udp_checksum;
	flow->bytes = reply->ip_total_bytes;
	if (flow->pending < UINT16_MAX)
		flow->pending++;
	o->hosts[client].alive = true;
	host->asks_seen = true;
	index = port_make(o, server, flow->server_port);
	if (index == NONE)
		return;
	o->asked += host_asked(o, server, ASKED_UDP);
	host = &o->hosts[server];
	host->last_is_shared = host->last_client == client && host->last_client_port == flow->client_port &&
	                       (host->last_is_shared || host->last_port != index);
	host->last_client = client;
	host->last_client_port = flow->client_port;
	host->last_port = index;
	host->last_asked_ns = at_ns;
	o->hosts[client].client_ports[1] = o->hosts[client].client_ports[0];
	o->hosts[client].client_ports[0] = flow->client_port;
	port = &o->ports[index];
	port->asks++;
	port->last_client = client;
	port->last_client_port = flow->client_port;
	log_ask(o, index, client, at_ns);
	path_asked(o, server, fragment_bytes ? fragment_bytes : reply->ip_total_bytes, fragment_bytes != 0);
}

/* The first answers say what there is to say; more would only cost time. */
void port_read(struct observer *o, uint32_t index, const struct reply *reply)
{
	struct seen_port *port = &o->ports[index];
	struct service_reading reading;

	if (reply->kind != REPLY_UDP || port->readings >= MOST_READINGS || o->config.hosts_only ||
	    !o->hosts[port->host].wanted)
		return;
	port->readings++;
	service_read(port->port, reply->data, reply->data_bytes, reply->wire_data_bytes, &reading);
	if (port->reading) {
		service_merge(port->reading, &reading);
		return;
	}
	port->reading = malloc(sizeof(*port->reading));
	if (port->reading)
		*port->reading = reading;
	else
		o->out_of_memory = true;
}

/* The port answered; from_port: from another one, 0: itself. */
static void answer(struct observer *o, uint32_t index, uint32_t client, uint16_t from_port, const struct proof *proof,
                   uint32_t fragment_bytes)
{
	struct seen_port *port = &o->ports[index];
	struct finding finding = {
	        .state = PORT_OPEN, .weight = WEIGHT_ANSWER, .reason = "udp-response", .from = NONE, .client = client};
	bool first = port->finding.weight != WEIGHT_ANSWER || proof->at_ns < port->at_ns;
	uint32_t host = port->host;

	o->answered++;
	o->hosts[host].asked |= ASKED_UDP;
	o->hosts[host].answered |= ASKED_UDP;
	o->hosts[client].heard = true;
	if (first) {
		port->from_port = from_port;
		port->has_ttl = true;
		port->ttl = proof->ttl;
		port->has_rtt = proof->has_rtt && proof->rtt_ns >= 0;
		port->rtt_ns = port->has_rtt ? proof->rtt_ns : 0;
	}
	port_found(o, index, &finding, proof->at_ns);
	path_answered(o, host, fragment_bytes != 0);
	host_proved(o, host, proof);
	if (first)
		tell_port(o, index, proof->at_ns);
}

static bool came_before(const struct flow *flow, const struct reply *reply)
{
	return flow->answer_id == reply->ip_id && flow->answer_checksum == reply->udp_checksum &&
	       flow->answer_bytes == reply->ip_total_bytes;
}

static void answer_in_flow(struct observer *o, struct flow *flow, const struct reply *reply, uint32_t fragment_bytes,
                           int64_t at_ns)
{
	struct proof proof = {.reason = "udp-response",
	                      .from = NONE,
	                      .at_ns = at_ns,
	                      .has_ttl = true,
	                      .ttl = reply->ttl,
	                      .has_rtt = flow->pending == 1, /* Karn */
	                      .rtt_ns = at_ns - flow->asked_ns};
	uint32_t index = port_make(o, flow->server, flow->server_port);

	if (index == NONE)
		return;
	if (flow->answered && flow->pending == 0 && came_before(flow, reply)) {
		if (o->ports[index].duplicates < UINT32_MAX)
			o->ports[index].duplicates++;
		return;
	}
	flow->pending = 0;
	flow->answered = true;
	flow->answer_id = reply->ip_id;
	flow->answer_checksum = reply->udp_checksum;
	flow->answer_bytes = reply->ip_total_bytes;
	port_read(o, index, reply);
	answer(o, index, flow->client, 0, &proof, fragment_bytes);
}

/* An answer to something that was not seen; `answers`: perhaps to that port, from another one. Perhaps the question comes yet (packets out of order); else the end decides. */
static void stray(struct observer *o, uint32_t server, uint32_t client, const struct reply *reply, uint32_t answers,
                  int64_t at_ns)
{
	uint32_t index = port_make(o, server, reply->src_port);
	struct seen_port *port;
	struct flow *flow;

	if (index == NONE)
		return;
	port = &o->ports[index];
	port->strays++;
	if (port->strays == 1) {
		port->stray_client = client;
		port->stray_ns = at_ns;
		port->stray_ttl = reply->ttl;
		port->strays_answer = answers;
		port_read(o, answers != NONE ? answers : index, reply);
	}
	o->hosts[client].heard = true;
	flow = flow_new(o, FLOW_UDP, client, reply->dst_port, server, reply->src_port, at_ns);
	flow->stray = true;
	flow->answer_id = reply->ip_id;
	flow->answer_checksum = reply->udp_checksum;
	flow->answer_bytes = reply->ip_total_bytes;
}

/* TFTP's answers come from another port (RFC 1350 4), and say by their content what they are. */
static uint32_t tftp_asked(const struct observer *o, uint32_t server, uint32_t client, const struct reply *reply)
{
	enum { TFTP = 69 };
	uint32_t tftp = port_lookup(o, server, TFTP);

	if (tftp == NONE || o->ports[tftp].asks == 0 || o->ports[tftp].last_client != client ||
	    o->ports[tftp].last_client_port != reply->dst_port || !side_is_tftp_answer(reply))
		return NONE;
	return tftp;
}

/* The one port that `client` has asked at this host from that port of its own. NONE: none, or several. */
static uint32_t only_port_asked(const struct observer *o, uint32_t server, uint32_t client, const struct reply *reply,
                                int64_t at_ns)
{
	const struct seen_host *host = &o->hosts[server];

	if (host->last_client != client || host->last_client_port != reply->dst_port || host->last_is_shared ||
	    host->last_port == NONE || o->ports[host->last_port].port == reply->src_port)
		return NONE;
	return at_ns >= host->last_asked_ns && at_ns - host->last_asked_ns <= OTHER_PORT_S * 1000 * MS ? host->last_port
	                                                                                               : NONE;
}

static bool asks_from(const struct seen_host *host, uint16_t port)
{
	return port != 0 && (host->client_ports[0] == port || host->client_ports[1] == port);
}

/* A datagram between two ports that were not seen talking: who asks? */
static enum side side_of(const struct observer *o, uint32_t src, uint32_t dst, const struct reply *reply)
{
	enum side side = side_by_content(reply);
	uint32_t at_src, at_dst;
	bool src_asked, dst_asked;

	if (side != SIDE_UNKNOWN)
		return side;
	if (asks_from(&o->hosts[src], reply->src_port))
		return SIDE_QUESTION;
	if (asks_from(&o->hosts[dst], reply->dst_port))
		return SIDE_ANSWER;
	at_src = port_lookup(o, src, reply->src_port);
	at_dst = port_lookup(o, dst, reply->dst_port);
	src_asked = at_src != NONE && o->ports[at_src].asks + o->ports[at_src].quoted > 0;
	dst_asked = at_dst != NONE && o->ports[at_dst].asks + o->ports[at_dst].quoted > 0;
	if (src_asked != dst_asked)
		return src_asked ? SIDE_ANSWER : SIDE_QUESTION;
	side = side_by_port(reply->src_port, reply->dst_port);
	return side == SIDE_UNKNOWN ? SIDE_QUESTION : side; /* who speaks first asks */
}

/* Multicast and broadcast are asked, but are no hosts; whoever answers is one. DHCP's answers may be broadcast too. */
static void observe_group(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	uint8_t *asked = &o->group_asked[reply->dst_port / 8], bit = (uint8_t)(1 << reply->dst_port % 8);
	struct proof proof = {
	        .reason = "udp-response", .from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};
	uint32_t src = host_make(o, &reply->src), index;

	if (src == NONE)
		return;
	o->hosts[src].alive = true;
	if (side_by_content(reply) != SIDE_ANSWER) {
		*asked |= bit;
		return;
	}
	if (!(o->group_asked[reply->src_port / 8] >> reply->src_port % 8 & 1))
		return; /* announces itself; nobody asked */
	index = port_make(o, src, reply->src_port);
	if (index == NONE)
		return;
	port_read(o, index, reply);
	answer(o, index, src, 0, &proof, 0);
}

/* What came from `src` is an answer, and no conversation is known that it belongs to. */
static void observe_answer(struct observer *o, uint32_t src, uint32_t dst, const struct reply *reply,
                           uint32_t fragment_bytes, int64_t at_ns)
{
	struct proof proof = {
	        .reason = "udp-response", .from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};
	uint32_t index;

	if (o->group_asked[reply->src_port / 8] >> reply->src_port % 8 & 1) {
		index = port_make(o, src, reply->src_port);
		if (index == NONE)
			return;
		port_read(o, index, reply);
		answer(o, index, dst, 0, &proof, fragment_bytes);
		return;
	}
	stray(o, src, dst, reply, NONE, at_ns);
}

/* From another port than TFTP's own. */
static bool observe_tftp(struct observer *o, uint32_t src, uint32_t dst, const struct reply *reply,
                         uint32_t fragment_bytes, int64_t at_ns)
{
	struct proof proof = {
	        .reason = "udp-response", .from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};
	uint32_t index = tftp_asked(o, src, dst, reply);
	struct flow *asked;

	if (index == NONE)
		return false;
	asked = flow_find(o, FLOW_UDP, dst, reply->dst_port, src, o->ports[index].port);
	if (asked && asked->client == dst) {
		proof.has_rtt = asked->pending == 1;
		proof.rtt_ns = at_ns - asked->asked_ns;
		asked->pending = 0;
		asked->answered = true;
	}
	/* The transfer goes on between these two ports: nothing in it is a question to a further one. */
	flow_new(o, FLOW_UDP, dst, reply->dst_port, src, reply->src_port, at_ns)->transfer = true;
	port_read(o, index, reply);
	answer(o, index, dst, reply->src_port, &proof, fragment_bytes);
	return true;
}

void port_answered_from(struct observer *o, uint32_t stray)
{
	struct seen_port *from = &o->ports[stray];
	struct seen_port *asked = &o->ports[from->strays_answer];
	int64_t asked_ns = o->hosts[asked->host].last_asked_ns;
	struct proof proof = {.reason = "udp-response",
	                      .from = NONE,
	                      .at_ns = from->stray_ns,
	                      .has_ttl = true,
	                      .ttl = from->stray_ttl,
	                      .has_rtt = asked->asks == 1 && o->hosts[asked->host].last_port == from->strays_answer,
	                      .rtt_ns = from->stray_ns - asked_ns};

	from->strays = 0;
	answer(o, from->strays_answer, from->stray_client, from->port, &proof, 0);
}

static void forget_stray(struct observer *o, struct flow *flow)
{
	uint32_t index = port_lookup(o, flow->server, flow->server_port);

	flow->stray = false;
	if (index != NONE && o->ports[index].strays > 0)
		o->ports[index].strays--;
}

/* The question of an answer that was taken for a stray: the file has them in the wrong order. */
static void answered_before(struct observer *o, struct flow *flow, const struct reply *reply, int64_t at_ns)
{
	int64_t answer_ns = flow->asked_ns;
	struct reply came = *reply;
	uint32_t index = port_lookup(o, flow->server, flow->server_port);

	forget_stray(o, flow);
	came.kind = REPLY_NONE; /* its content was read when it came */
	if (index != NONE)
		came.ttl = o->ports[index].stray_ttl;
	came.ip_id = flow->answer_id;
	came.udp_checksum = flow->answer_checksum;
	came.ip_total_bytes = flow->answer_bytes;
	ask(o, flow, reply, 0, at_ns);
	answer_in_flow(o, flow, &came, 0, answer_ns);
}

/* A flow that may be the answer to what was asked of another port: its client sends more. True when there is nothing else to it. */
static bool stray_goes_on(struct observer *o, struct flow *flow, const struct reply *reply, int64_t at_ns)
{
	uint32_t index;

	/* Times are taken at their word, the order in the file is not. */
	if (at_ns <= flow->asked_ns) {
		answered_before(o, flow, reply, at_ns);
		return true;
	}
	/* The client goes on there: so it was the answer to what it had asked of another port ... */
	index = port_lookup(o, flow->server, flow->server_port);
	if (index != NONE && o->ports[index].strays > 0 && o->ports[index].strays_answer != NONE) {
		flow->stray = false;
		flow->transfer = true;
		port_answered_from(o, index);
		return true;
	}
	/* ... or the service's side began, or the capture has not the beginning. */
	forget_stray(o, flow);
	return false;
}

void observe_udp(struct observer *o, const struct reply *reply, uint32_t fragment_bytes, int64_t at_ns)
{
	uint32_t src, dst, index, other;
	struct flow *flow;

	if (reply->to_group) {
		observe_group(o, reply, at_ns);
		return;
	}
	src = host_make(o, &reply->src);
	dst = host_make(o, &reply->dst);
	if (src == NONE || dst == NONE)
		return;
	flow = flow_find(o, FLOW_UDP, src, reply->src_port, dst, reply->dst_port);
	if (flow && flow->transfer)
		return;
	if (flow && flow->stray && flow->client == src && stray_goes_on(o, flow, reply, at_ns))
		return;
	if (flow && flow->stray) {
		index = port_lookup(o, flow->server, flow->server_port);
		if (index != NONE)
			o->ports[index].strays++;
		return;
	}
	if (flow && flow->client == src && flow->client_port == reply->src_port) {
		ask(o, flow, reply, fragment_bytes, at_ns);
		return;
	}
	if (flow) {
		answer_in_flow(o, flow, reply, fragment_bytes, at_ns);
		return;
	}
	if (observe_tftp(o, src, dst, reply, fragment_bytes, at_ns))
		return;
	other = only_port_asked(o, src, dst, reply, at_ns);
	if (other != NONE && side_by_content(reply) != SIDE_QUESTION) {
		stray(o, src, dst, reply, other, at_ns);
		return;
	}
	if (side_of(o, src, dst, reply) == SIDE_ANSWER) {
		observe_answer(o, src, dst, reply, fragment_bytes, at_ns);
		return;
	}
	flow = flow_new(o, FLOW_UDP, src, reply->src_port, dst, reply->dst_port, at_ns);
	ask(o, flow, reply, fragment_bytes, at_ns);
}
