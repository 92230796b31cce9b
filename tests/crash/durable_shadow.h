// What a power cut would leave of a folder: its files as last synced, under the names last synced.
// See forgetful.c. Not thread-safe: the caller holds one lock over all of it.
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct inode;  // a file of the watched folder, whatever its names

// Both folders exist and are equal. Ends the process on any error, as all of these do.
void shadow_start(const char* data, const char* shadow);

// The file behind fd, or NULL: no regular file, or not of the watched folder. Fills st either way.
struct inode* shadow_file(int fd, struct stat* st);
// The path of an open folder relative to the watched one, "" for itself; false: it lies elsewhere.
bool shadow_folder(int fd, char* relative);

void shadow_written(struct inode* n, off_t begin, off_t end);
// A synchronous write: these bytes are durable at once, whatever else of the file is not.
void shadow_written_through(struct inode* n, const struct iovec* v, off_t begin, off_t bytes);
void shadow_shortened(struct inode* n, off_t size);

void shadow_sync_file(struct inode* n, int fd, off_t size);
void shadow_sync_folder(const char* relative);
