/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *(*answer)(const char *name);

void web_b64url(const unsigned char *in, size_t n, char *out)
{
    int len = EVP_EncodeBlock((unsigned char *)out, in, (int)n);

    for (int i = 0; i < len; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    while (len > 0 && out[len - 1] == '=')
        out[--len] = '\0';
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char request[2048] = "", name[64] = "", head[160];
    char *token = NULL;

    if (read(fd, request, sizeof request - 1) > 0 && sscanf(request, "GET /%63s", name) == 1)
        token = answer(name);
    snprintf(head, sizeof head, "HTTP/1.0 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
             token != NULL ? "200 OK" : "500 no token", token != NULL ? strlen(token) : 0);
    if (write(fd, head, strlen(head)) < 0 || (token != NULL && write(fd, token, strlen(token)) < 0))
        perror("write");
    free(token);
    close(fd);
    return NULL;
}

int web_serve(const char *port, char *(*mint)(const char *name))
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    answer = mint;
    at.sin_port = htons((uint16_t)atoi(port));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0) {
        perror("listen");
        return 1;
    }
    for (;;) {
        int client = accept(fd, NULL, NULL);
        pthread_t t;
        if (client >= 0 && pthread_create(&t, NULL, serve, (void *)(intptr_t)client) == 0)
            pthread_detach(t);
    }
}
