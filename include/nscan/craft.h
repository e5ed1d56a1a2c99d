/* craft.h: a probe becomes bytes. The only place that builds packets, with libnet (LIBNET_NONE: no socket, no rights). */
#ifndef NSCAN_CRAFT_H
#define NSCAN_CRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "nscan/arp.h"
#include "nscan/err.h"
#include "nscan/network.h"
#include "nscan/probe.h"

/* The longest datagram behind an Ethernet header. */
enum { CRAFT_MAX_BYTES = 14 + 65535 };

struct craft;

/* NULL with *err set when libnet cannot start. `network` (borrowed) gives the source MAC of each interface. */
struct craft *craft_new(const struct network *network, struct err *err);
void craft_free(struct craft *craft);
/* Writes the finished frame (LINK_ETHERNET: with its Ethernet header; LINK_RAW_IP: from the IP header on) and returns its
 * length; 0 with *err set when libnet refused. */
size_t craft_probe(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES], struct err *err);
/* The same bytes as craft_probe, some ten times faster for a probe that differs from the last one of its kind only in what a
 * sweep changes: destination, identity, echo data. */
size_t craft_quick(struct craft *craft, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES], struct err *err);
/* As craft_probe for an ARP packet that leaves by that Ethernet interface (index into network.interfaces). */
size_t craft_arp(struct craft *craft, int interface, const struct arp_packet *arp, uint8_t out[CRAFT_MAX_BYTES],
                 struct err *err);

#endif
