/* trace.h: --packet-trace, a line for every packet. */
#ifndef NSCAN_CLI_TRACE_H
#define NSCAN_CLI_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/arp.h"
#include "nscan/decode.h"
#include "nscan/probe.h"

struct trace {
	FILE *out;        /* NULL: off */
	int64_t start_ns; /* times count from here */
	const struct probe_settings *settings;
};

/* "SENT (0.0123s) UDP 10.0.0.1:40123 > 10.0.0.2:53 ttl=64 id=4711 len=46 csum=0x1234 payload=dns-version-bind" */
void trace_sent(const struct trace *trace, const struct probe *probe, const uint8_t *frame, size_t n, int64_t at_ns);
/* An ARP packet on nscan's own account; own_mac is the sender's. "SENT (0.0123s) ARP reply 10.0.0.9 is-at 02:..." */
void trace_arp(const struct trace *trace, const struct arp_packet *arp, const uint8_t own_mac[MAC_BYTES],
               int64_t at_ns);
/* "RCVD (0.0130s) ICMP 10.0.0.2 > 10.0.0.1 port-unreach ... (quotes UDP ...)". Leaves out what cannot concern a probe. */
void trace_received(const struct trace *trace, const struct reply *reply, int64_t at_ns);

#endif
