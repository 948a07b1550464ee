// SPDX-License-Identifier: GPL-3.0-or-later
#include "cluster.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "store/connection.h"
#include "store/migrate.h"

namespace cyborg::store::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplate = "with_schema";

std::string find_binaries() {
  std::string newest;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql")) {
    const std::string bin = entry.path().string() + "/bin";
    if (fs::exists(bin + "/initdb") && bin > newest) newest = bin;
  }
  if (newest.empty()) throw std::runtime_error("no PostgreSQL server is installed: apt install postgresql");
  return newest;
}

// PostgreSQL refuses to run as root.
const passwd* server_user() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  if (!user) throw std::runtime_error("there is no user postgres");
  return user;
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const std::string& log,
                         const passwd* user) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  if (user && (setgroups(0, nullptr) || setgid(user->pw_gid) || setuid(user->pw_uid))) _exit(126);
  // After the change of user, which resets it: no server outlives its tests.
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (chdir("/")) _exit(126);
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

Cluster& Cluster::shared() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() : bin_(find_binaries()) {
  std::string name = (fs::temp_directory_path() / "cyborg-pg-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
  directory_ = name;
  if (const passwd* user = server_user(); user && chown(name.c_str(), user->pw_uid, user->pw_gid)) {
    throw std::runtime_error("chown");
  }
  run({bin_ + "/initdb", "-D", directory_ + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
       "--no-locale", "-N"});
  start();
}

Cluster::~Cluster() {
  if (server_) end(SIGINT);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

pid_t Cluster::spawn(const std::vector<std::string>& arguments) const {
  const passwd* user = server_user();
  const std::string log = directory_ + "/log";
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) become(arguments, log, user);
  return pid;
}

void Cluster::run(const std::vector<std::string>& arguments) const {
  int status = 0;
  waitpid(spawn(arguments), &status, 0);
  if (status != 0) throw std::runtime_error(arguments.front() + " failed, see " + directory_ + "/log");
}

bool Cluster::answers() const {
  return PQping(conninfo("postgres").c_str()) == PQPING_OK;
}

void Cluster::start() {
  server_ = spawn({bin_ + "/postgres", "-D", directory_ + "/data", "-k", directory_, "-c",
                   "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=30"});
  for (int i = 0; i < 1000 && !answers(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  if (!answers()) throw std::runtime_error("PostgreSQL does not start, see " + directory_ + "/log");
}

void Cluster::end(int signal) {
  thaw();
  kill(server_, signal);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

void Cluster::stop() {
  end(SIGINT);
}
void Cluster::crash() {
  end(SIGQUIT);
}

// The postmaster's children are not in its process group: each backend has its own. Their parent's list is in
// /proc.
void Cluster::freeze() {
  kill(server_, SIGSTOP);
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(server_) + "/task")) {
    const std::unique_ptr<FILE, int (*)(FILE*)> children{fopen((entry.path() / "children").c_str(), "r"),
                                                         fclose};
    int pid = 0;
    while (children && fscanf(children.get(), "%d", &pid) == 1) kill(pid, SIGSTOP);
  }
}
void Cluster::thaw() {
  kill(server_, SIGCONT);
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(server_) + "/task")) {
    const std::unique_ptr<FILE, int (*)(FILE*)> children{fopen((entry.path() / "children").c_str(), "r"),
                                                         fclose};
    int pid = 0;
    while (children && fscanf(children.get(), "%d", &pid) == 1) kill(pid, SIGCONT);
  }
}

std::string Cluster::conninfo(const std::string& database) const {
  return "host=" + directory_ + " user=postgres dbname=" + database;
}

void Cluster::execute(const std::string& database, const std::string& sql) const {
  auto connection = Connection::open(conninfo(database));
  if (!connection) throw std::runtime_error(connection.error().message);
  auto done = connection->run_script("set statement_timeout = 0");
  if (done) done = connection->run_script(sql, std::chrono::minutes{5});
  if (!done) throw std::runtime_error(done.error().message);
}

std::string Cluster::create_database(bool with_schema) {
  if (with_schema && !has_template_) {
    execute("postgres", std::string{"create database "} + kTemplate);
    auto connection = Connection::open(conninfo(kTemplate));
    if (!connection) throw std::runtime_error(connection.error().message);
    if (auto done = migrate(*connection); !done) throw std::runtime_error(done.error().message);
    has_template_ = true;
  }
  const std::string name = "test_" + std::to_string(++databases_);
  execute("postgres", "create database " + name + (with_schema ? std::string{" template "} + kTemplate : ""));
  return name;
}

}  // namespace cyborg::store::test
