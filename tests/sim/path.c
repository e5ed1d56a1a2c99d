/* path.c: what a simulated path does with the size of datagrams. */
#include "sim/path.h"

#include <string.h>

#include "nscan/bytes.h"
#include "nscan/wire.h"

enum { TAG_ROOM = 4 /* receivers on a link take a VLAN tag more than their MTU */ };

uint32_t sim_datagram_bytes(const struct probe *probe)
{
	return (uint32_t)(IPV4_HEADER_BYTES + UDP_HEADER_BYTES + probe->data_bytes + probe->padding_bytes);
}

uint32_t sim_frame_bytes(const struct probe *probe)
{
	return probe->fragment_bytes ? IPV4_HEADER_BYTES + (uint32_t)probe->fragment_bytes : sim_datagram_bytes(probe);
}

struct addr sim_router_addr(size_t i)
{
	return addr_from_v4(0x0a090001 + (uint32_t)i);
}

struct reply sim_too_big(const struct probe *probe, struct addr from, uint16_t mtu)
{
	bool udp = probe->kind == PROBE_UDP;

	return (struct reply){
	        .kind = REPLY_ICMP_ERROR,
	        .src = from,
	        .dst = probe->src,
	        .ttl = 64,
	        .icmp_type = ICMP4_UNREACHABLE,
	        .icmp_code = ICMP4_CODE_FRAGMENTATION_NEEDED,
	        .next_hop_mtu = mtu,
	        .quote = {.src = probe->src,
	                  .dst = probe->dst,
	                  .protocol = udp ? IP_PROTO_UDP : IP_PROTO_ICMP,
	                  .ttl = probe->ttl,
	                  .ip_id = probe->ip_id,
	                  .ip_total_bytes = (uint16_t)sim_frame_bytes(probe),
	                  .bytes = 28,
	                  .dont_fragment = probe->dont_fragment,
	                  .has_ports = udp,
	                  .src_port = probe->src_port,
	                  .dst_port = probe->dst_port,
	                  .has_udp_checksum = udp,
	                  .udp_checksum = probe->udp_checksum,
	                  .has_icmp_id = !udp,
	                  .icmp_type = ICMP4_ECHO,
	                  .icmp_id = probe->icmp_id,
	                  .icmp_sequence = probe->icmp_sequence},
	};
}

bool sim_path_there(struct sim_path *path, uint32_t our_mtu, const struct probe *probe, struct reply *error)
{
	uint32_t bytes = sim_frame_bytes(probe), host_mtu = path->host_mtu ? path->host_mtu : our_mtu;
	bool fragments = probe->fragment_bytes > 0;

	*error = (struct reply){0};
	if (probe->padding_bytes > 0 || probe->dont_fragment || fragments)
		path->frames++;
	if (path->echo_most && probe->kind == PROBE_ECHO && !fragments && bytes > path->echo_most)
		return false;
	for (size_t i = 0; i < path->router_count; i++) {
		const struct sim_router *router = &path->routers[i];

		if (bytes <= router->mtu)
			continue;
		if (probe->dont_fragment) {
			if (!router->silent)
				*error = sim_too_big(probe, sim_router_addr(i),
				                     router->names_none ? 0 : (uint16_t)router->mtu);
			return false;
		}
		fragments = true;
		bytes = router->mtu;
	}
	if (fragments && path->no_fragments_there)
		return false;
	return bytes <= host_mtu + TAG_ROOM;
}

bool sim_path_is_whole(struct sim_path *path, const struct probe *probe)
{
	struct sim_part *part = NULL;

	if (!probe->fragment_bytes)
		return true;
	for (size_t i = 0; i < SIM_PARTS; i++)
		if (path->parts[i].id == probe->ip_id)
			part = &path->parts[i];
	if (!part) {
		part = &path->parts[path->next_part++ % SIM_PARTS];
		*part = (struct sim_part){.id = probe->ip_id};
	}
	for (size_t i = 0; i < SIM_FRAGMENTS; i++) {
		if (part->offsets[i] == probe->fragment_offset + 1)
			return false; /* once more */
		if (part->offsets[i] == 0) {
			part->offsets[i] = (uint16_t)(probe->fragment_offset + 1);
			break;
		}
	}
	part->bytes += probe->fragment_bytes;
	if (part->bytes + IPV4_HEADER_BYTES < sim_datagram_bytes(probe))
		return false;
	*part = (struct sim_part){0};
	return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return b > 0 && b < a ? b : a;
}

size_t sim_path_back(struct sim_path *path, uint32_t our_mtu, const struct reply *reply,
                     struct reply out[SIM_FRAGMENTS], uint8_t data[16])
{
	uint32_t host_mtu = path->host_mtu ? path->host_mtu : our_mtu, bytes = reply->ip_total_bytes, limit = host_mtu;
	uint32_t dropped_above = our_mtu + TAG_ROOM, room;
	size_t count = 0;

	for (size_t i = 0; i < path->router_count; i++)
		limit = least(limit, path->routers[i].mtu);
	if (path->back_silent)
		dropped_above = least(our_mtu + TAG_ROOM, path->back_mtu);
	if (!path->back_silent)
		limit = least(limit, path->back_mtu);
	if (bytes > limit && bytes <= host_mtu && path->replies_df)
		return 0;
	if (bytes <= limit) {
		out[0] = *reply;
		return bytes <= dropped_above ? 1 : 0;
	}
	memset(data, 0, 16);
	put_u16(data + 4, reply->icmp_id);
	put_u16(data + 6, reply->icmp_sequence);
	memcpy(data + 8, reply->data, 8);
	room = (limit - IPV4_HEADER_BYTES) / 8 * 8;
	path->next_id++;
	for (uint32_t at = 0; at < bytes - IPV4_HEADER_BYTES && count < SIM_FRAGMENTS; at += room) {
		uint32_t left = bytes - IPV4_HEADER_BYTES - at, n = left < room ? left : room;

		if ((at > 0 && path->no_fragments_back) || n + IPV4_HEADER_BYTES > dropped_above)
			continue;
		out[count] = (struct reply){
		        .kind = REPLY_FRAGMENT,
		        .src = reply->src,
		        .dst = reply->dst,
		        .ttl = reply->ttl,
		        .protocol = IP_PROTO_ICMP,
		        .fragment_id = path->next_id,
		        .fragment_offset = (uint16_t)at,
		        .more_fragments = n < left,
		        .ip_total_bytes = (uint16_t)(n + IPV4_HEADER_BYTES),
		        .wire_data_bytes = n,
		        .truncated = true,
		        .data = at == 0 ? data : NULL,
		        .data_bytes = at == 0 ? 16 : 0,
		};
		count++;
	}
	return count;
}
