// SPDX-License-Identifier: GPL-3.0-or-later
// The contents of a row in the table of policy types (policy_types.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cyborg {

enum class PolicyType : int;  // policy_types.h

enum class VariableForm { text, list, ids, flag, number, secret, clients };

struct PolicyVariable {
  const char* name;
  VariableForm form;
  const char* description;
  bool required = false;
  std::string_view (*check)(const std::string& value) = nullptr;  // what would be right, or nothing if it is
  std::int64_t most = 65535;                                      // of a number
  // The scripts' name for it: a list has a line for each item, a flag is "yes" or empty.
  const char* shell = nullptr;
  const char* preset = "";        // of a text that is not given
  const char* same_as = nullptr;  // another name of that variable
};

// Files and folders, which borg reads itself.
struct FileSource {
  std::span<const char* const> roots = {};
  const char* roots_variable = nullptr;  // the variable that has them instead
  bool any_root = false;                 // those that exist; none is a failure
  std::span<const char* const> exclude = {};
};

// How a password is written in the second line of a script's standard input, and how the script makes a file
// of it.
struct SecretForm {
  const char* file;  // for printf(1): %s is the line
  const char* before;
  const char* after;
  const char* escaped;  // characters that need a backslash
};

// The name for people of a part of a dump, by the first word of its name: {0} is the name, {1} its first
// word, {2} the rest.
struct DumpPart {
  const char* word;
  const char* text;
};

// How a verification loads the dumps: into a temporary server, or with the verb "verify" of the loading
// script.
enum class LoadedWith { mariadb, postgresql, script };

// Dumps that are one database each, and can be restored into their server.
struct DatabaseDumps {
  std::span<const char* const> scripts;  // for loading, in daemon/remote/: see load_script.cc
  const char* suffix = "";               // of the file of one; the folder in the archive is the type's name
  const char* globals_file = nullptr;    // beside them: what belongs to all of them
  // Their names are absolute paths, on the client and in the archive: files, whose owner and mode are kept.
  bool paths = false;
  LoadedWith loaded_with;
  const char* loader = nullptr;  // the loading program of a script, for people
  const char* tool = nullptr;    // what it needs: a program in a package of that name
  // A dump that fails is retried after the others, to which it may refer.
  bool refers_to_others = false;
  std::span<const char* const> of_the_server = {};  // names that no restore replaces
  const char* not_with_all = nullptr;               // a name that is left out where all are restored
};

// Dumps that are guests, and can be restored into a hypervisor.
struct GuestDumps {
  std::span<const char* const> scripts;  // for restoring, in daemon/remote/: see guest_script.cc
  const char* path;                      // in the archive: {} is the guest
  const char* definition = nullptr;      // below the path: all that a dry run reads
  bool numbered = false;                 // its guests have numbers, and its own tools know where they are
};

// The output of a program: see remote/dump_script.h.
struct DumpSource {
  std::span<const char* const> scripts;  // for listing and dumping, in daemon/remote/: see dump_tools.h
  const char* things = "databases";      // what is listed, for people
  const char* item;                      // a text as in DumpPart, for what is none of the parts
  std::span<const DumpPart> parts = {};
  const SecretForm* secret = nullptr;
  bool holds = false;  // holds the source while it is read
  const DatabaseDumps* databases = nullptr;
  const GuestDumps* guests = nullptr;
  bool discovered = false;  // `client discover` finds them, as a kind with the type's name
};

struct PolicyTypeRow {
  PolicyType type;
  const char* name;
  const char* description;
  std::span<const PolicyVariable> variables = {};
  const char* main = nullptr;  // the variable that selects items: a plain list stands for it, per client
  const FileSource* files = nullptr;
  const DumpSource* dump = nullptr;

  constexpr const PolicyVariable* variable(std::string_view wanted) const {
    for (const auto& variable : variables) {
      if (variable.name == wanted) return &variable;
    }
    return nullptr;
  }
};

}  // namespace cyborg
