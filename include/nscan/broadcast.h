/* broadcast.h: who answers one echo request to a network's broadcast address, as a pure function.
 *
 * Sent once to the broadcast address of each directly connected network that is among the targets. Every host that answers from an
 * address of its own, with the stamp of that request (stamp.h), is up. Many hosts ignore such requests (RFC 1122 3.2.2.6 lets
 * them; Linux does by default): silence says nothing. engine.h hands over to it by itself; the functions mean the same. */
#ifndef NSCAN_BROADCAST_H
#define NSCAN_BROADCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/engine.h"

struct broadcast;

/* NULL with *err set (ERR_USAGE) when no target is a directly connected network's broadcast address, or memory ran out. */
struct broadcast *broadcast_new(const struct engine_config *config, int64_t now_ns, struct err *err);
void broadcast_free(struct broadcast *broadcast);
bool broadcast_next_probe(struct broadcast *broadcast, int64_t now_ns, struct probe *out);
void broadcast_receive(struct broadcast *broadcast, const struct reply *reply, int64_t at_ns);
void broadcast_send_failed(struct broadcast *broadcast, uint64_t cookie, int64_t now_ns);
int64_t broadcast_next_wake(const struct broadcast *broadcast);
bool broadcast_next_event(struct broadcast *broadcast, struct event *out);
bool broadcast_done(const struct broadcast *broadcast);
void broadcast_stop(struct broadcast *broadcast);
void broadcast_progress(const struct broadcast *broadcast, struct engine_progress *out);

/* The broadcast address of that address's network; none where it has none (RFC 3021, loopback, no Ethernet), or is not IPv4. */
struct addr broadcast_of(const struct network *network, const struct interface_addr *own);

#endif
