/* observe.c: the observer's entrance: each packet goes to who knows its kind; here is what concerns whole hosts. */
#include "nscan/observe.h"

#include <stdlib.h>
#include <string.h>

#include "observer.h"

/* A time is at most 145 years from 1970. */
static const int64_t MOST_TIME_NS = INT64_MAX / 2 - INT64_C(3600) * 1000 * MS;

struct observer *observer_new(const struct observer_config *config, struct err *err)
{
	struct observer *o = calloc(1, sizeof(*o));

	if (o) {
		o->config = *config;
		o->station_count = -1;
		o->reassembly = reassembly_new();
		if (o->reassembly && tables_init(o) && flows_init(o))
			return o;
	}
	observer_free(o);
	err_set(err, ERR_SYSTEM, "out of memory while starting to read the capture");
	return NULL;
}

void observer_free(struct observer *o)
{
	if (!o)
		return;
	tables_free(o);
	reassembly_free(o->reassembly);
	free(o->flows);
	event_ring_free(&o->events);
	free(o->order);
	free(o->host_ports);
	free(o);
}

void reject(struct observer *o)
{
	o->rejected++;
}

bool host_asked(struct observer *o, uint32_t host, enum question how)
{
	struct seen_host *h = &o->hosts[host];

	h->asked |= (uint8_t)how;
	return h->wanted;
}

void host_proved(struct observer *o, uint32_t host, const struct proof *proof)
{
	struct seen_host *h = &o->hosts[host];

	if (proof->mac && !h->has_mac) {
		h->has_mac = true;
		memcpy(h->mac, proof->mac, MAC_BYTES);
	}
	if (h->up && h->up_ns <= proof->at_ns) /* the earliest proof is the one that is told */
		return;
	if (h->up && h->told)
		return;
	h->up = true;
	h->up_ns = proof->at_ns;
	h->reason = proof->reason;
	h->from = proof->from;
	h->has_rtt = proof->has_rtt && proof->rtt_ns >= 0;
	h->rtt_ns = h->has_rtt ? proof->rtt_ns : 0;
	h->has_ttl = proof->has_ttl;
	h->ttl = proof->ttl;
	tell_host(o, host, proof->at_ns);
}

/* Where the capture was made: the stations (at most two) that every unicast frame so far concerns. */
static void watch_stations(struct observer *o, const struct reply *reply)
{
	int kept = 0;

	if (!reply->has_dst_mac || reply->to_group || reply->dst_mac[0] & 1 || o->station_count == 0)
		return;
	if (o->station_count < 0) {
		memcpy(o->stations[0], reply->mac, MAC_BYTES);
		memcpy(o->stations[1], reply->dst_mac, MAC_BYTES);
		o->station_count = 2;
		return;
	}
	for (int i = 0; i < o->station_count; i++) {
		if (memcmp(o->stations[i], reply->mac, MAC_BYTES) == 0 ||
		    memcmp(o->stations[i], reply->dst_mac, MAC_BYTES) == 0)
			memmove(o->stations[kept++], o->stations[i], MAC_BYTES);
	}
	o->station_count = kept;
}

/* An ARP request or solicitation that asks for an address. Its answer goes to the asker alone: who that is decides later
 * whether its absence means anything. */
static void link_asked(struct observer *o, uint32_t host, const struct reply *reply, int64_t at_ns)
{
	struct seen_host *h = &o->hosts[host];
	int i = 0;

	o->asked += host_asked(o, host, ASKED_LINK);
	h->link_asked_ns = at_ns;
	if (h->link_asks < UINT16_MAX)
		h->link_asks++;
	if (reply->sent_from_here || !reply->has_mac)
		h->silence_counts = true;
	if (!reply->has_dst_mac) /* cooked: only what was sent from here is sure to be answered to here */
		return;
	while (i < h->asker_count && memcmp(h->askers[i], reply->mac, MAC_BYTES) != 0)
		i++;
	if (i == h->asker_count && i < 2)
		memcpy(h->askers[h->asker_count++], reply->mac, MAC_BYTES);
}

static void link_answered(struct observer *o, uint32_t host, const struct reply *reply, int64_t at_ns)
{
	struct seen_host *h = &o->hosts[host];
	bool sure = h->link_asks == 1 && at_ns >= h->link_asked_ns;
	struct proof proof = {.reason = reply->kind == REPLY_ARP ? "arp-reply" : "nd-response",
	                      .from = NONE,
	                      .at_ns = at_ns,
	                      .has_rtt =
	                              sure, /* with more than one request, which one was answered is not known (Karn) */
	                      .rtt_ns = at_ns - h->link_asked_ns,
	                      .mac = reply->has_mac ? reply->mac : NULL};

	if (h->has_mac && reply->has_mac && memcmp(h->mac, reply->mac, MAC_BYTES) != 0 && !h->two_macs) {
		h->two_macs = true;
		memcpy(h->other_mac, reply->mac, MAC_BYTES);
	}
	o->answered++;
	h->asked |= ASKED_LINK; /* an answer answers something, be it in the capture or not */
	h->answered |= ASKED_LINK;
	h->link_asks = 0;
	host_proved(o, host, &proof);
}

/* RFC 826, RFC 5227; RFC 4861 for IPv6. */
static void observe_link(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	static const struct addr unset4 = {.family = 4}, unset6 = {.family = 6};
	bool has_sender = !addr_equal(&reply->src, &unset4) && !addr_equal(&reply->src, &unset6);
	bool announces = addr_equal(&reply->src, &reply->dst);
	uint32_t sender, target;

	if (has_sender) {
		sender = host_make(o, &reply->src);
		if (sender == NONE)
			return;
		o->hosts[sender].alive = true;
		if (reply->arp_is_reply && !announces)
			link_answered(o, sender, reply, at_ns);
		if (reply->arp_is_reply && !announces && !reply->to_group &&
		    (target = host_lookup(o, &reply->dst)) != NONE)
			o->hosts[target].heard = true;
	}
	if (reply->arp_is_reply || announces)
		return;
	target = host_make(o, &reply->dst);
	if (target != NONE)
		link_asked(o, target, reply, at_ns);
}

static void observe_request(struct observer *o, enum flow_kind kind, const struct reply *reply, uint32_t fragment_bytes,
                            int64_t at_ns)
{
	uint32_t client, server;
	struct flow *flow;

	if (reply->to_group)
		return;
	client = host_make(o, &reply->src);
	server = host_make(o, &reply->dst);
	if (client == NONE || server == NONE)
		return;
	o->hosts[client].alive = true;
	o->hosts[server].echo_seen = true;
	o->asked += host_asked(o, server, ASKED_ICMP);
	path_asked(o, server, fragment_bytes ? fragment_bytes : reply->ip_total_bytes, fragment_bytes != 0);
	flow = flow_find(o, kind, client, reply->icmp_id, server, reply->icmp_sequence);
	if (!flow || flow->client != client)
		flow = flow_new(o, kind, client, reply->icmp_id, server, reply->icmp_sequence, at_ns);
	flow->asked_ns = at_ns;
	flow->ip_id = reply->ip_id;
	if (flow->pending < UINT16_MAX)
		flow->pending++;
}

static void observe_answer(struct observer *o, enum flow_kind kind, const struct reply *reply, uint32_t fragment_bytes,
                           int64_t at_ns)
{
	uint32_t server = host_make(o, &reply->src), client = host_make(o, &reply->dst);
	struct proof proof = {.reason = kind == FLOW_ECHO ? "echo-reply" : "timestamp-reply",
	                      .from = NONE,
	                      .at_ns = at_ns,
	                      .has_ttl = true,
	                      .ttl = reply->ttl};
	struct flow *flow;

	if (server == NONE || client == NONE || reply->to_group)
		return;
	o->hosts[client].heard = true;
	flow = flow_find(o, kind, client, reply->icmp_id, server, reply->icmp_sequence);
	if (flow && flow->client != client)
		flow = NULL;
	if (!flow && o->hosts[server].echo_seen && o->flows_evicted == 0) {
		reject(o); /* others were asked here, this one was not */
		return;
	}
	if (flow && flow->pending == 0) {
		if (o->hosts[server].duplicates < UINT16_MAX)
			o->hosts[server].duplicates++;
		return;
	}
	o->answered++;
	o->hosts[server].asked |= ASKED_ICMP;
	o->hosts[server].answered |= ASKED_ICMP;
	if (flow) {
		proof.has_rtt = flow->pending == 1;
		proof.rtt_ns = at_ns - flow->asked_ns;
		flow->pending = 0;
	}
	path_answered(o, server, fragment_bytes != 0);
	host_proved(o, server, &proof);
}

void observe_echo(struct observer *o, const struct reply *reply, uint32_t fragment_bytes, int64_t at_ns)
{
	if (reply->kind == REPLY_ECHO_REQUEST)
		observe_request(o, FLOW_ECHO, reply, fragment_bytes, at_ns);
	else
		observe_answer(o, FLOW_ECHO, reply, fragment_bytes, at_ns);
}

/* TCP tells of hosts only: a SYN asks, SYN-ACK and RST answer. Everything else shows that its sender lives. */
static void observe_tcp(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	bool syn = reply->tcp_flags & TCP_SYN, ack = reply->tcp_flags & TCP_ACK, rst = reply->tcp_flags & TCP_RST;
	uint32_t src, dst;
	struct proof proof = {.from = NONE, .at_ns = at_ns, .has_ttl = true, .ttl = reply->ttl};

	if (reply->tcp_flags == 0 || reply->to_group)
		return;
	if (!syn && !rst) {
		src = host_lookup(o, &reply->src);
		if (src != NONE)
			o->hosts[src].alive = true;
		return;
	}
	src = host_make(o, &reply->src);
	dst = host_make(o, &reply->dst);
	if (src == NONE || dst == NONE)
		return;
	if (syn && !ack) {
		o->hosts[src].alive = true;
		o->asked += host_asked(o, dst, ASKED_TCP);
		return;
	}
	o->hosts[dst].heard = true;
	if (!(o->hosts[src].asked & ASKED_TCP)) { /* a RST in the middle of a connection, or to a lone ACK */
		o->hosts[src].alive = true;
		return;
	}
	o->hosts[src].answered |= ASKED_TCP;
	o->answered++;
	proof.reason = rst ? "reset" : "syn-ack";
	host_proved(o, src, &proof);
}

static void take_time(struct observer *o, int64_t at_ns)
{
	if (!o->has_times || at_ns < o->first_ns)
		o->first_ns = at_ns;
	if (!o->has_times || at_ns > o->last_ns)
		o->last_ns = at_ns;
	o->has_times = true;
}

void observer_receive(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	if (o->finished)
		return;
	/* Whatever a capture says: times can be subtracted, and a few seconds added. */
	at_ns = at_ns < -MOST_TIME_NS ? -MOST_TIME_NS : at_ns > MOST_TIME_NS ? MOST_TIME_NS : at_ns;
	take_time(o, at_ns);
	watch_stations(o, reply);
	if (reply->checksum_bad) {
		if (reply->kind == REPLY_ICMP_ERROR)
			reject(o);
		return;
	}
	switch (reply->kind) {
	case REPLY_ARP:
	case REPLY_NEIGHBOUR:
		observe_link(o, reply, at_ns);
		break;
	case REPLY_ECHO_REQUEST:
	case REPLY_ECHO:
		observe_echo(o, reply, 0, at_ns);
		break;
	case REPLY_TIMESTAMP_REQUEST:
		observe_request(o, FLOW_TIMESTAMP, reply, 0, at_ns);
		break;
	case REPLY_TIMESTAMP:
		observe_answer(o, FLOW_TIMESTAMP, reply, 0, at_ns);
		break;
	case REPLY_UDP:
		observe_udp(o, reply, 0, at_ns);
		break;
	case REPLY_ICMP_ERROR:
		observe_error(o, reply, at_ns);
		break;
	case REPLY_FRAGMENT:
		observe_fragment(o, reply, at_ns);
		break;
	case REPLY_OTHER:
		if (reply->protocol == IP_PROTO_TCP)
			observe_tcp(o, reply, at_ns);
		break;
	case REPLY_NONE:
		break;
	}
}

void observer_summarise(const struct observer *o, struct observer_summary *out)
{
	bool anybody_heard = false, anybody_asked = false;

	for (uint32_t i = 0; i < o->host_count; i++) {
		anybody_heard |= o->hosts[i].heard;
		anybody_asked |= o->hosts[i].asked & (ASKED_ICMP | ASKED_UDP | ASKED_TCP);
	}
	*out = (struct observer_summary){
	        .asked = o->asked,
	        .answered = o->answered,
	        .rejected = o->rejected,
	        .hosts_up = o->hosts_up,
	        .hosts_down = o->hosts_down,
	        .hosts_unknown = o->hosts_unknown,
	        .has_times = o->has_times,
	        .first_ns = o->first_ns,
	        .last_ns = o->last_ns,
	        .one_way = anybody_asked && !anybody_heard,
	        .out_of_memory = o->out_of_memory,
	};
}
