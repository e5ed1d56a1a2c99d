/* observe_path.c: what the path to a host carries: fragments, and packets up to which size. */
#include "observer.h"
#include "pmtu_internal.h"

void observe_fragment(struct observer *o, const struct reply *reply, int64_t at_ns)
{
	struct datagram datagram;
	struct reply whole;

	enum reassembly_verdict verdict = reassembly_take(o->reassembly, reply, at_ns, &datagram);

	if (verdict == REASSEMBLY_REFUSED)
		reject(o);
	if (verdict != REASSEMBLY_WHOLE || !decode_frame(FRAME_RAW_IP, datagram.packet, datagram.bytes, &whole))
		return;
	whole.to_group = whole.to_group || reply->to_group;
	whole.sent_from_here = reply->sent_from_here;
	/* The path is judged by what went over it in one piece. */
	if (whole.kind == REPLY_UDP)
		observe_udp(o, &whole, datagram.largest_bytes, at_ns);
	else if (whole.kind == REPLY_ECHO_REQUEST || whole.kind == REPLY_ECHO)
		observe_echo(o, &whole, datagram.largest_bytes, at_ns);
}

/* RFC 1191 4, RFC 8201 4. The claim is one of whoever sent it, until something of that size is answered. A router that names no
 * MTU is taken to mean the next usual one; one that names a size which the refused packet had not even reached errs or lies. */
void path_too_big(struct observer *o, uint32_t host, uint32_t from, const struct reply *reply, int64_t at_ns)
{
	uint32_t index = path_make(o, host), bytes = reply->quote.ip_total_bytes;
	uint32_t mtu = reply->next_hop_mtu ? reply->next_hop_mtu : plateau_below(bytes);
	struct seen_path *path;

	if (index == NONE)
		return;
	if (mtu >= bytes) {
		reject(o);
		return;
	}
	path = &o->paths[index];
	if (path->claimed_mtu != 0 && (at_ns < path->claimed_ns || path->claimed_mtu < mtu))
		return; /* the smallest on the way decides */
	if (path->claimed_mtu != mtu) {
		path->largest_answered = 0;
		path->pending = false;
	}
	path->claimed_mtu = mtu;
	path->claimed_by = from;
	path->claimed_ns = at_ns;
}

void path_reassembly_failed(struct observer *o, uint32_t host)
{
	uint32_t index = path_make(o, host);

	if (index != NONE)
		o->paths[index].to_fail = true;
}

/* Only what may tell something is remembered: fragments, and sizes after a claim. */
void path_asked(struct observer *o, uint32_t host, uint32_t ip_bytes, bool fragmented)
{
	uint32_t index = o->hosts[host].path;
	struct seen_path *path;

	if (index == NONE && !fragmented)
		return;
	index = path_make(o, host);
	if (index == NONE)
		return;
	path = &o->paths[index];
	path->asked_fragmented = fragmented;
	path->pending_bytes = ip_bytes;
	path->pending = true;
	path->to_asked = path->to_asked || fragmented;
}

void path_answered(struct observer *o, uint32_t host, bool fragmented)
{
	uint32_t index = fragmented ? path_make(o, host) : o->hosts[host].path;
	struct seen_path *path;

	if (index == NONE)
		return;
	path = &o->paths[index];
	path->from_pass = path->from_pass || fragmented;
	if (!path->pending)
		return;
	path->pending = false;
	path->to_pass = path->to_pass || path->asked_fragmented;
	if (path->pending_bytes > path->largest_answered)
		path->largest_answered = path->pending_bytes;
}

static bool path_is_verified(const struct seen_path *path)
{
	/* Fragments but the last carry a multiple of 8 bytes (RFC 791 3.2): up to 7 of the MTU stay unused. */
	return path->claimed_mtu > 0 && path->largest_answered <= path->claimed_mtu &&
	       path->largest_answered + 8 > path->claimed_mtu;
}

bool path_event(const struct observer *o, uint32_t host, struct mtu_event *out)
{
	uint32_t index = o->hosts[host].path;
	const struct seen_path *path;

	*out = (struct mtu_event){0};
	if (index == NONE)
		return false;
	path = &o->paths[index];
	if (path->claimed_mtu) {
		out->path_mtu = path->claimed_mtu;
		out->how = MTU_BY_CLAIM;
		out->from = o->hosts[path->claimed_by].addr;
		out->verified = path_is_verified(path);
	}
	out->to_host = path->to_pass ? FRAGMENTS_PASS : path->to_fail ? FRAGMENTS_DROPPED : FRAGMENTS_UNKNOWN;
	out->from_host = path->from_pass ? FRAGMENTS_PASS : FRAGMENTS_UNKNOWN;
	return out->path_mtu || out->to_host != FRAGMENTS_UNKNOWN || out->from_host != FRAGMENTS_UNKNOWN;
}
