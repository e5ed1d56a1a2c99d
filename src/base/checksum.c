/* checksum.c: the internet checksum (RFC 1071), updating it (RFC 1624), choosing it. */
#include "nscan/checksum.h"

#include "nscan/bytes.h"

enum { PROTOCOL_UDP = 17 };

/* One's complement sum of `sum`, carries added back in. */
static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t total = sum;

	for (; n >= 2; n -= 2, p += 2)
		total += (uint32_t)p[0] << 8 | p[1];
	if (n)
		total += (uint32_t)p[0] << 8;
	/* 2^32 is 1 in one's complement arithmetic as 2^16 is: the high half is added back. */
	total = (total & 0xffffffff) + (total >> 32);
	return (uint32_t)((total & 0xffffffff) + (total >> 32));
}

uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~fold(sum);
}

uint32_t checksum_pseudo(const struct addr *src, const struct addr *dst, uint8_t protocol, uint32_t udp_bytes)
{
	uint32_t sum = checksum_add(0, src->bytes, addr_bytes(src));

	sum = checksum_add(sum, dst->bytes, addr_bytes(dst));
	return sum + protocol + (udp_bytes >> 16) + (udp_bytes & 0xffff);
}

uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
	return checksum_finish((uint32_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);
}

uint16_t checksum_udp(const struct addr *src, const struct addr *dst, uint16_t src_port, uint16_t dst_port,
                      const uint8_t *data, size_t data_bytes)
{
	uint32_t udp_bytes = (uint32_t)data_bytes + 8;
	uint32_t sum = checksum_pseudo(src, dst, PROTOCOL_UDP, udp_bytes);
	uint16_t checksum;

	sum += (uint32_t)src_port + dst_port + (udp_bytes & 0xffff);
	checksum = checksum_finish(checksum_add(sum, data, data_bytes));
	return checksum ? checksum : 0xffff;
}

uint16_t checksum_solve(uint16_t now, uint16_t wanted)
{
	/* ~now is the sum of everything else, ~wanted the sum that is to be; the word is their difference, and subtracting x
	 * is adding ~x. One's complement has two zeroes, 0 and 0xffff: a `now` or a word may be either without harm, for the
	 * sum that is wanted (1 to 0xfffe) is neither, and every other sum is written in one way only. */
	uint16_t word = fold((uint32_t)(uint16_t)~wanted + now);

	return word == 0xffff ? 0 : word;
}
