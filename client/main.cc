// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/commands/commands.h"

int main(int argc, char** argv) {
  return cyborg::client::run(argc, argv);
}
