/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/cert_bundle.h"
