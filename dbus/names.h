// SPDX-License-Identifier: GPL-3.0-or-later
// All names that users and programs rely on, defined once. A test compares them with the XML, the polkit
// policy, the journal catalog and the man pages.
#pragma once

namespace cyborg::names {

inline constexpr char kBusName[] = "org.cyborgbackup1";
inline constexpr char kRootPath[] = "/org/cyborgbackup1";
inline constexpr char kLogControlPath[] = "/org/freedesktop/LogControl1";

inline constexpr char kManagerInterface[] = "org.cyborgbackup1.Manager";
inline constexpr char kScheduleInterface[] = "org.cyborgbackup1.Schedule";
inline constexpr char kRepositoryInterface[] = "org.cyborgbackup1.Repository";
inline constexpr char kClientInterface[] = "org.cyborgbackup1.Client";
inline constexpr char kPolicyInterface[] = "org.cyborgbackup1.Policy";
inline constexpr char kJobInterface[] = "org.cyborgbackup1.Job";

// polkit actions
inline constexpr char kActionView[] = "org.cyborgbackup1.view";
inline constexpr char kActionRun[] = "org.cyborgbackup1.run";
inline constexpr char kActionRestore[] = "org.cyborgbackup1.restore";
inline constexpr char kActionManage[] = "org.cyborgbackup1.manage";
inline constexpr char kActionSecrets[] = "org.cyborgbackup1.secrets";

// journal fields on every line of a job
inline constexpr char kFieldJob[] = "CYBORG_JOB";
inline constexpr char kFieldRun[] = "CYBORG_RUN";
inline constexpr char kFieldKind[] = "CYBORG_KIND";
inline constexpr char kFieldPolicy[] = "CYBORG_POLICY";
inline constexpr char kFieldClient[] = "CYBORG_CLIENT";
inline constexpr char kFieldRepository[] = "CYBORG_REPOSITORY";
inline constexpr char kFieldState[] = "CYBORG_STATE";
inline constexpr char kFieldActor[] = "CYBORG_ACTOR";
inline constexpr char kFieldMethod[] = "CYBORG_METHOD";
inline constexpr char kFieldAction[] = "CYBORG_ACTION";

// MESSAGE_IDs; systemd/cyborg.catalog explains each
inline constexpr char kMessageJobStarted[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a01";
inline constexpr char kMessageJobSuccessful[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a02";
inline constexpr char kMessageJobWarning[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a03";
inline constexpr char kMessageJobFailed[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a04";
inline constexpr char kMessageJobError[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a05";
inline constexpr char kMessageJobCanceled[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a06";
inline constexpr char kMessageJobSkipped[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a07";
inline constexpr char kMessageDatabaseAway[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a08";
inline constexpr char kMessageDatabaseBack[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a09";
inline constexpr char kMessageAccessDenied[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a0a";
inline constexpr char kMessageAccessGranted[] = "5a1c0d7e9b3f4f0e8a52c1d0b7e64a0b";

}  // namespace cyborg::names
