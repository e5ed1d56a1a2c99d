/* claim.c: claiming addresses by ARP, answering for them, and noticing who else uses them (RFC 5227). */
#include "nscan/claim.h"

#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)

static int compare_claims(const void *a, const void *b)
{
	return addr_compare(&((const struct claim *)a)->addr, &((const struct claim *)b)->addr);
}

bool claims_start(struct claims *claims, const struct addr *addrs, size_t count, const uint8_t mac[MAC_BYTES],
                  double packets_per_s, int64_t now_ns, struct err *err)
{
	double per_s = packets_per_s > 0 && packets_per_s < CLAIM_PACKETS_PER_S ? packets_per_s : CLAIM_PACKETS_PER_S;

	*claims = (struct claims){
	        .claims = calloc(count + 1, sizeof(*claims->claims)),
	        .count = count,
	        .interval_ns = (int64_t)(1e9 / per_s),
	        .start_ns = now_ns,
	};
	if (!claims->claims) {
		claims->count = 0;
		return err_set(err, ERR_SYSTEM, "out of memory while claiming addresses");
	}
	memcpy(claims->mac, mac, MAC_BYTES);
	for (size_t i = 0; i < count; i++)
		claims->claims[i].addr = addrs[i];
	qsort(claims->claims, count, sizeof(*claims->claims), compare_claims);
	claims->round_ns = (int64_t)count * claims->interval_ns;
	if (claims->round_ns < CLAIM_SPACING_MS * MS)
		claims->round_ns = CLAIM_SPACING_MS * MS;
	return true;
}

void claims_free(struct claims *claims)
{
	free(claims->claims);
	*claims = (struct claims){0};
}

/* The announcements follow the last probe as late as a further one would: that long it may still be answered. */
static int64_t due_ns(const struct claims *claims)
{
	size_t round = claims->step / claims->count, place = claims->step % claims->count;
	int64_t at_ns = claims->start_ns;

	if (round < CLAIM_PROBES)
		return at_ns + (int64_t)round * claims->round_ns + (int64_t)place * claims->interval_ns;
	at_ns += (CLAIM_PROBES - 1) * claims->round_ns + (int64_t)(claims->count - 1) * claims->interval_ns;
	return at_ns + CLAIM_SPACING_MS * MS + (int64_t)place * claims->interval_ns;
}

static bool is_probing(const struct claims *claims)
{
	return claims->step <= CLAIM_PROBES * claims->count;
}

bool claims_are_held(const struct claims *claims)
{
	return claims->step == (CLAIM_PROBES + 1) * claims->count;
}

int64_t claims_wake(const struct claims *claims)
{
	return claims_are_held(claims) ? INT64_MAX : due_ns(claims);
}

/* RFC 5227 1.1: a probe says nothing about its sender; an announcement says that sender and target are the same. */
bool claims_next(struct claims *claims, int64_t now_ns, struct arp_packet *out)
{
	const struct claim *claim;
	bool announce;

	if (claims_are_held(claims) || due_ns(claims) > now_ns)
		return false;
	claim = &claims->claims[claims->step % claims->count];
	announce = claims->step >= CLAIM_PROBES * claims->count;
	*out = (struct arp_packet){.sender = announce ? claim->addr : addr_from_v4(0), .target = claim->addr};
	memset(out->to_mac, 0xff, MAC_BYTES);
	claims->step++;
	return true;
}

static struct claim *find(const struct claims *claims, const struct addr *addr)
{
	const struct claim key = {.addr = *addr};

	if (claims->count == 0)
		return NULL;
	return bsearch(&key, claims->claims, claims->count, sizeof(key), compare_claims);
}

static bool is_unset(const struct addr *addr)
{
	return addr_v4(addr) == 0;
}

/* RFC 5227 2.4: of two that use an address one has to give way, and the one that is here for a while only is nscan. */
static enum claim_news lose(struct claims *claims, struct claim *claim, const uint8_t rival_mac[MAC_BYTES])
{
	if (claim->lost)
		return CLAIM_NOTHING;
	claim->lost = true;
	memcpy(claim->rival_mac, rival_mac, MAC_BYTES);
	if (claims->lost_count++ == 0)
		claims->first_lost = claim;
	return is_probing(claims) ? CLAIM_IN_USE : CLAIM_CONFLICT;
}

/* What a host says that has the address. A group address is no hardware address of a host (RFC 1812 3.3.2). */
static enum claim_news answer_request(const struct claims *claims, const struct reply *request,
                                      const struct claim *claim, struct arp_packet *answer)
{
	if (is_probing(claims) || claim->lost || request->arp_is_reply || request->mac[0] & 1)
		return CLAIM_NOTHING;
	*answer = (struct arp_packet){.is_reply = true, .sender = claim->addr, .target = request->src};
	memcpy(answer->target_mac, request->mac, MAC_BYTES);
	memcpy(answer->to_mac, request->mac, MAC_BYTES);
	return CLAIM_ANSWER;
}

enum claim_news claims_receive(struct claims *claims, const struct reply *reply, struct arp_packet *answer,
                               const struct claim **about)
{
	struct claim *claim;

	if (reply->kind != REPLY_ARP || memcmp(reply->mac, claims->mac, MAC_BYTES) == 0)
		return CLAIM_NOTHING;
	claim = find(claims, &reply->src);
	if (claim) {
		*about = claim;
		return lose(claims, claim, reply->mac);
	}
	claim = find(claims, &reply->dst);
	if (!claim)
		return CLAIM_NOTHING;
	*about = claim;
	/* RFC 5227 2.1.1: two that probe for one address at the same time. */
	if (is_probing(claims) && !reply->arp_is_reply && is_unset(&reply->src))
		return lose(claims, claim, reply->mac);
	return answer_request(claims, reply, claim, answer);
}
