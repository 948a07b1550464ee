#include "client/commands/commands.h"

int main(int argc, char** argv) {
  return cyborg::client::run(argc, argv);
}
