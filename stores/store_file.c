/* SPDX-License-Identifier: Apache-2.0 */
#include "stores/store.h"
