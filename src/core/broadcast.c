/* broadcast.c: one echo request to everybody, and who answers it. */
#include "nscan/broadcast.h"

#include <stdlib.h>
#include <string.h>

#include "event_ring.h"
#include "nscan/ranges.h"
#include "nscan/stamp.h"

#define MS INT64_C(1000000)

enum {
	WAIT_MS = 2000, /* hosts wait at random before they answer a broadcast, so that not all do at once */
	MOST_TRIES = 10,
	TRY_AGAIN_MS = 50,
	TIME_SHIFT = 8, /* stamps count in units of 256 ns */
	LARGEST_PREFIX_BITS = 30,
};

/* One network to be asked. */
struct question {
	struct ask ask;
	int interface;
	bool sent;
	uint8_t tries;
	int64_t due_ns;
};

struct broadcast {
	struct engine_config config;
	struct question *questions;
	size_t count;
	int64_t start_ns, end_ns;
	struct addr_ranges up;
	struct event_ring events;
	uint64_t hosts;
	bool stopped;
	struct engine_progress progress;
};

struct addr broadcast_of(const struct network *network, const struct interface_addr *own)
{
	const struct interface *interface = &network->interfaces[own->interface];

	if (own->addr.family != 4 || own->prefix_bits > LARGEST_PREFIX_BITS || interface->kind != LINK_ETHERNET ||
	    !interface->up)
		return (struct addr){0};
	return addr_prefix_last(&own->addr, own->prefix_bits);
}

static bool is_wanted(const struct engine_config *config, const struct interface_addr *own, const struct addr *to)
{
	return addr_is_set(to) && (config->only_interface < 0 || config->only_interface == own->interface) &&
	       target_set_contains(config->targets, to) &&
	       !(config->exclude && target_set_contains(config->exclude, to));
}

static bool find_questions(struct broadcast *b, int64_t now_ns)
{
	const struct engine_config *config = &b->config;

	b->questions = calloc(config->network->addr_count + 1, sizeof(*b->questions));
	for (size_t i = 0; b->questions && i < config->network->addr_count; i++) {
		const struct interface_addr *own = &config->network->addrs[i];
		struct question question = {.interface = own->interface, .due_ns = now_ns};
		bool known = false;

		question.ask.kind = PROBE_ECHO;
		question.ask.src = addr_is_set(&config->source) ? config->source : own->addr;
		question.ask.dst = broadcast_of(config->network, own);
		for (size_t k = 0; k < b->count; k++)
			known |= b->questions[k].interface == own->interface &&
			         addr_equal(&b->questions[k].ask.dst, &question.ask.dst);
		if (!known && is_wanted(config, own, &question.ask.dst))
			b->questions[b->count++] = question;
	}
	return b->questions != NULL;
}

struct broadcast *broadcast_new(const struct engine_config *config, int64_t now_ns, struct err *err)
{
	struct broadcast *b = calloc(1, sizeof(*b));

	if (b) {
		b->config = *config;
		b->start_ns = now_ns;
		b->end_ns = now_ns + WAIT_MS * MS;
	}
	if (!b || !find_questions(b, now_ns)) {
		broadcast_free(b);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (b->count == 0) {
		broadcast_free(b);
		err_set(err, ERR_USAGE,
		        "--broadcast-ping: no target is the broadcast address of a directly connected network: "
		        "name one, or the network (--iflist shows them)");
		return NULL;
	}
	return b;
}

void broadcast_free(struct broadcast *b)
{
	if (!b)
		return;
	addr_ranges_free(&b->up);
	free(b->questions);
	event_ring_free(&b->events);
	free(b);
}

bool broadcast_next_probe(struct broadcast *b, int64_t now_ns, struct probe *out)
{
	for (size_t i = 0; i < b->count && !b->stopped; i++) {
		struct question *question = &b->questions[i];

		if (question->sent || question->due_ns > now_ns)
			continue;
		question->sent = true;
		question->tries++;
		memset(out, 0, sizeof(*out));
		probe_stamp_make(&b->config.probe, &question->ask, (uint32_t)((now_ns - b->start_ns) >> TIME_SHIFT),
		                 out);
		out->interface = question->interface;
		out->link = LINK_ETHERNET;
		memset(out->next_hop_mac, 0xff, MAC_BYTES);
		out->cookie = i;
		b->end_ns = now_ns + WAIT_MS * MS;
		b->progress.sent++;
		return true;
	}
	if (now_ns >= b->end_ns)
		b->stopped = true;
	return false;
}

void broadcast_send_failed(struct broadcast *b, uint64_t cookie, int64_t now_ns)
{
	b->progress.send_errors++;
	if (cookie >= b->count || b->questions[cookie].tries >= MOST_TRIES)
		return;
	b->questions[cookie].sent = false;
	b->questions[cookie].due_ns = now_ns + TRY_AGAIN_MS * MS;
}

int64_t broadcast_next_wake(const struct broadcast *b)
{
	int64_t wake_ns = b->end_ns;

	for (size_t i = 0; i < b->count; i++)
		if (!b->questions[i].sent && b->questions[i].due_ns < wake_ns)
			wake_ns = b->questions[i].due_ns;
	return b->stopped ? INT64_MAX : wake_ns;
}

static struct event *new_event(struct broadcast *b, enum event_kind kind, const struct addr *addr, int64_t at_ns)
{
	return event_ring_add(&b->events, kind, at_ns, addr, b->hosts, b->hosts);
}

static void host_answers(struct broadcast *b, const struct reply *reply, uint32_t stamp, int64_t at_ns)
{
	struct event *event = new_event(b, EVENT_HOST, &reply->src, at_ns);

	if (!event)
		return;
	event->u.host =
	        (struct host_event){.state = HOST_UP, .reason = "echo-reply", .has_ttl = true, .ttl = reply->ttl};
	event->u.host.has_rtt = true;
	event->u.host.rtt_ns = at_ns - b->start_ns - ((int64_t)stamp << TIME_SHIFT);
	event->u.host.has_mac = reply->has_mac;
	memcpy(event->u.host.mac, reply->mac, MAC_BYTES);
	new_event(b, EVENT_HOST_DONE, &reply->src, at_ns);
	b->hosts++;
	b->progress.hosts_up++;
	b->progress.hosts_finished++;
	b->progress.hosts_total++;
}

void broadcast_receive(struct broadcast *b, const struct reply *reply, int64_t at_ns)
{
	struct addr asked;
	uint32_t stamp;
	bool ours = false;

	if (b->stopped || reply->kind != REPLY_ECHO)
		return;
	for (size_t i = 0; i < b->count; i++)
		ours |= addr_equal(&b->questions[i].ask.src, &reply->dst);
	if (!ours)
		return;
	if (!probe_stamp_read(&b->config.probe, reply, &asked, &stamp)) {
		b->progress.rejected++;
		return;
	}
	b->progress.received++;
	if (addr_ranges_contains(&b->up, &reply->src) || !addr_ranges_add(&b->up, &reply->src))
		return;
	host_answers(b, reply, stamp, at_ns);
}

bool broadcast_next_event(struct broadcast *b, struct event *out)
{
	return event_ring_take(&b->events, out);
}

bool broadcast_done(const struct broadcast *b)
{
	return b->stopped;
}

void broadcast_stop(struct broadcast *b)
{
	b->stopped = true;
}

void broadcast_progress(const struct broadcast *b, struct engine_progress *out)
{
	*out = b->progress;
	out->remaining_ns = -1;
}
