/* path.h: what a simulated path does with the size of datagrams: routers with narrow links, fragments, the host's own MTU. */
#ifndef NSCAN_TESTS_PATH_H
#define NSCAN_TESTS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/decode.h"
#include "nscan/probe.h"

enum { SIM_ROUTERS = 4, SIM_PARTS = 16, SIM_FRAGMENTS = 80 };

/* A router, and the link behind it, the same in both directions. */
struct sim_router {
	uint32_t mtu;
	bool silent;     /* says nothing when it drops */
	bool names_none; /* an old one: MTU 0 in its errors */
};

struct sim_path {
	struct sim_router routers[SIM_ROUTERS];
	size_t router_count;
	uint32_t host_mtu; /* of the host's interface; 0: as ours */
	uint32_t back_mtu; /* of some router's link on the way back only; 0: none */
	bool back_silent;  /* that one drops instead of cutting up */
	bool no_fragments_there, no_fragments_back;
	bool replies_df;
	uint32_t echo_most; /* a filter drops longer echo requests, unless they are cut up; 0: none */
	uint32_t frames;    /* of datagrams that ask for a size, or are cut up: what the observation sent */
	struct sim_part {
		uint16_t id;
		uint16_t offsets[SIM_FRAGMENTS]; /* of those that came, plus 1 */
		uint32_t bytes;
	} parts[SIM_PARTS]; /* what the host has got of datagrams that came in fragments */
	size_t next_part;
	uint16_t next_id;
};

/* The frame's length from its IP header on. */
uint32_t sim_frame_bytes(const struct probe *probe);
/* The length of the whole datagram. */
uint32_t sim_datagram_bytes(const struct probe *probe);
struct addr sim_router_addr(size_t i);
/* An ICMP fragmentation-needed about the probe. */
struct reply sim_too_big(const struct probe *probe, struct addr from, uint16_t mtu);
/* Sends the frame along. True: it arrives. Else *error is the error that comes back, or its kind is REPLY_NONE. */
bool sim_path_there(struct sim_path *path, uint32_t our_mtu, const struct probe *probe, struct reply *error);
/* The frame has arrived: is its datagram whole now? */
bool sim_path_is_whole(struct sim_path *path, const struct probe *probe);
/* What arrives at us of an ICMP reply of ip_total_bytes: itself, its fragments, or nothing. `data` is 16 bytes of each fragment that
 * begins it. Returns how many. */
size_t sim_path_back(struct sim_path *path, uint32_t our_mtu, const struct reply *reply,
                     struct reply out[SIM_FRAGMENTS], uint8_t data[16]);

#endif
