/* The socket of the API.
 *
 * Responsible for making it (0660, for the view group; a stale one is replaced, a live one is not), and for
 * giving it to another view group. Not responsible for who gets in (door.c). Made at the start, before there
 * is anybody else. */
#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/file.h"
#include "../base/log.h"
#include "request.h"

static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return answers;
}

static int clear_stale(const struct sockaddr_un *address, struct yett_error *error)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0) {
		return 0;
	}
	if (!S_ISSOCK(st.st_mode)) {
		return yett_fail(error, YETT_EEXIST, "remove it, or configure another admin.socket",
			"%s is there and is no socket", address->sun_path);
	}
	if (somebody_answers(address)) {
		return yett_fail(error, YETT_EEXIST,
			"stop the daemon that uses it, or configure another admin.socket",
			"another daemon answers on %s", address->sun_path);
	}
	unlink(address->sun_path);
	return 0;
}

/* Members of the view group may knock; who they are is asked of each. */
void yett_admin_socket_group(const char *path, const char *view_group)
{
	const struct group *group = view_group[0] != '\0' ? getgrnam(view_group) : NULL;

	if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) != 0) {
		yett_log(YETT_LOG_WARNING, "admin-socket-group",
			"%s cannot be given to the group %s, so its members are not let in: %s; "
			"make the daemon's user a member of it, and restart the daemon",
			path, view_group, strerror(errno));
	}
}

int yett_admin_socket(
	const char *path, const char *view_group, int *ret_socket, struct yett_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[PATH_MAX];
	mode_t mask;
	int fd, result;

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	snprintf(folder, sizeof(folder), "%s", path);
	if (access(dirname(folder), F_OK) != 0 && yett_file_mkdir(folder, error) != 0) {
		return error->code;
	}
	result = clear_stale(&address, error);
	if (result != 0) {
		return result;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	result = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result != 0 || listen(fd, SOMAXCONN) != 0) {
		int number = errno;

		if (fd >= 0) {
			close(fd);
		}
		return yett_fail(error, yett_result_from_errno(number),
			"make its folder writable for the daemon's user, or set admin.socket",
			"the admin socket %s cannot be made: %s", path, strerror(number));
	}
	yett_admin_socket_group(path, view_group);
	*ret_socket = fd;
	return 0;
}
