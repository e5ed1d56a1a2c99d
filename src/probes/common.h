/* common.h: what the probe kinds share. */
#ifndef NSCAN_PROBES_COMMON_H
#define NSCAN_PROBES_COMMON_H

#include "nscan/probe.h"

/* Fills what every kind has (addresses, ttl, tos) and clears what the kind will set. */
void probe_begin(const struct probe_settings *settings, const struct ask *ask, struct probe *probe);
/* Padding behind the data, up to the wanted length of the datagram, which has that much header behind the IP header. */
void probe_pad(const struct probe_settings *settings, const struct ask *ask, size_t header_bytes, struct probe *probe);
/* 16 bits of identity as an IP ID; never 0, which a kernel would replace. */
uint16_t ip_id_from(uint64_t identity_bits);
/* 64 more bits of identity, for kinds that have room for them. */
uint64_t identity_more(const struct probe_settings *settings, uint64_t identity);
/* `reply` goes from the asked address to the asking one and is no corrupted ICMP message. */
bool reply_is_from_asked(const struct ask *ask, const struct reply *reply);
/* `reply` is a sound ICMP error about a datagram of that protocol from the asking address to the asked one. */
bool error_is_about(const struct ask *ask, uint8_t protocol, const struct reply *reply);

/* The same for an ICMP query that we sent: its type, id, sequence and IP ID are quoted too, or it proves nothing. */
bool error_is_about_query(const struct ask *ask, const struct probe *sent, uint8_t icmp_type,
                          const struct reply *reply);

/* An echo with identifier, sequence and IP ID but no data yet. Returns the identity that they are of. */
uint64_t echo_header_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe);

extern const struct probe_module probe_arp, probe_echo, probe_timestamp, probe_udp;

#endif
