/*
 * Text, memory and the end: what of the C library a kernel has of its own.
 */
#include "kern.h"

static void
say(const char *prefix, const char *format, __builtin_va_list args, const char *suffix)
{
	char line[1024];

	rumphost_format(line, sizeof(line), format, args);
	rumphost_print(prefix);
	rumphost_print(line);
	rumphost_print(suffix);
}

void
printf(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	say("", format, args, "");
	__builtin_va_end(args);
}

int
snprintf(char *into, size_t len, const char *format, ...)
{
	__builtin_va_list args;
	int n;

	__builtin_va_start(args, format);
	n = rumphost_format(into, len, format, args);
	__builtin_va_end(args);
	return n;
}

void
panic(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	say("panic: ", format, args, "\nhalted\n");
	__builtin_va_end(args);
	rumphost_abort();
}

void
kern_assert(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	say("panic: kernel diagnostic: ", format, args, "\nhalted\n");
	__builtin_va_end(args);
	rumphost_abort();
}

void *
memcpy(void *to, const void *from, size_t len)
{
	rumphost_copy(to, from, len);
	return to;
}

void *
memmove(void *to, const void *from, size_t len)
{
	rumphost_move(to, from, len);
	return to;
}

void *
memset(void *to, int byte, size_t len)
{
	rumphost_fill(to, byte, len);
	return to;
}

int
memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;

	for (; len > 0 && *x == *y; x++, y++)
		len--;
	return len == 0 ? 0 : *x - *y;
}

size_t
strlen(const char *text)
{
	size_t len = 0;

	while (text[len] != '\0')
		len++;
	return len;
}

int
strncmp(const char *a, const char *b, size_t len)
{
	for (; len > 0 && *a == *b && *a != '\0'; a++, b++)
		len--;
	return len == 0 ? 0 : (uint8_t)*a - (uint8_t)*b;
}

int
strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

size_t
strlcpy(char *to, const char *from, size_t room)
{
	size_t i;

	for (i = 0; i + 1 < room && from[i] != '\0'; i++)
		to[i] = from[i];
	if (room > 0)
		to[i] = '\0';
	return strlen(from);
}

uint64_t
cprng_strong64(void)
{
	uint64_t r;

	rumphost_random(&r, sizeof(r));
	return r;
}

uint32_t
cprng_strong32(void)
{
	return (uint32_t)cprng_strong64();
}

uint64_t
cprng_fast64(void)
{
	return cprng_strong64();
}

uint32_t
cprng_fast32(void)
{
	return (uint32_t)cprng_strong64();
}

size_t
cprng_fast(void *into, size_t len)
{
	rumphost_random(into, len);
	return len;
}

int
enodev(void)
{
	return ENODEV;
}

int
nullop(void *arg __unused)
{
	return 0;
}
