/*
 * Character devices: their tables by major number, their nodes by name. Only cloning devices are opened:
 * what a device's open gives back otherwise has no file behind it here.
 */
#include <sys/conf.h>
#include <rump-sys/vfs.h>

#include "kern.h"

#define FIRST_MAJOR 255
#define DEVICES 8
#define NODES 64

static const struct cdevsw *devices[DEVICES];
static struct {
	char path[32];
	dev_t dev;
} nodes[NODES];
static int node_count;

int
devsw_attach(const char *name __unused, const struct bdevsw *block, devmajor_t *bmajor __unused,
    const struct cdevsw *table, devmajor_t *cmajor)
{
	int i;

	KASSERT(block == NULL && *cmajor == NODEVMAJOR);
	for (i = 0; i < DEVICES && devices[i] != NULL; i++)
		KASSERTMSG(devices[i] != table, "a device attaches twice");
	KASSERT(i < DEVICES);
	devices[i] = table;
	*cmajor = FIRST_MAJOR + i;
	return 0;
}

static int
make_node(dev_t type, const char *path, devmajor_t major_number, devminor_t minor_number)
{
	KASSERT(type == S_IFCHR && node_count < NODES);
	strlcpy(nodes[node_count].path, path, sizeof(nodes[0].path));
	nodes[node_count++].dev = makedev(major_number, minor_number);
	return 0;
}

static int
make_nodes(dev_t type, const char *path, char first, devmajor_t major_number, devminor_t from, int count)
{
	char name[32];
	int i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%d", path, first - '0' + i);
		(void)make_node(type, name, major_number, from + i);
	}
	return 0;
}

int (*rump_vfs_makeonedevnode)(dev_t, const char *, devmajor_t, devminor_t) = make_node;
int (*rump_vfs_makedevnodes)(dev_t, const char *, char, devmajor_t, devminor_t, int) = make_nodes;

int
mock_dev_open(const char *path, int flags, int *fd)
{
	const struct cdevsw *table;
	int i, error;

	for (i = 0; i < node_count && strcmp(nodes[i].path, path) != 0; i++)
		continue;
	if (i == node_count)
		return ENOENT;
	table = devices[major(nodes[i].dev) - FIRST_MAJOR];
	error = table->d_open(nodes[i].dev, flags, S_IFCHR, curlwp);
	if (error != EMOVEFD)
		return error != 0 ? error : ENXIO;
	*fd = curlwp->l_dupfd;
	return 0;
}

int
mock_noopen(dev_t dev __unused, int flags __unused, int mode __unused, struct lwp *l __unused)
{
	return ENODEV;
}

int
mock_noread(dev_t dev __unused, struct uio *uio __unused, int flags __unused)
{
	return ENODEV;
}

int
mock_noioctl(dev_t dev __unused, u_long request __unused, void *data __unused, int flags __unused,
    struct lwp *l __unused)
{
	return ENODEV;
}

void
mock_nostop(struct tty *tty __unused, int flags __unused)
{
}

int
mock_nopoll(dev_t dev __unused, int events, struct lwp *l __unused)
{
	return events;
}

paddr_t
mock_nommap(dev_t dev __unused, off_t off __unused, int prot __unused)
{
	return (paddr_t)-1;
}

int
mock_nokqfilter(dev_t dev __unused, struct knote *kn __unused)
{
	return ENODEV;
}

int
mock_nodiscard(dev_t dev __unused, off_t pos __unused, off_t len __unused)
{
	return ENODEV;
}
