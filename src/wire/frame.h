/* frame.h: what stands in front of IP and ARP on each kind of link. */
#ifndef NSCAN_WIRE_FRAME_H
#define NSCAN_WIRE_FRAME_H

#include <stdbool.h>

#include "nscan/bytes.h"
#include "nscan/decode.h"

/* Reads the link's header, and with read_ip or read_arp what is behind it. False: malformed, or of no interest. */
bool read_link(enum frame_link link, struct cursor c, struct reply *out);

/* In decode.c. The cursor stands at the first byte of the packet and ends where the capture does. */
bool read_ip(struct cursor c, struct reply *out);
bool read_arp(struct cursor c, struct reply *out);

#endif
