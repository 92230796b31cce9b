# A target of its own: it alone in this room reads MIME.
consentry_room(reputation_feedback SOURCES ${CMAKE_CURRENT_LIST_DIR}/feedback_report.cc DEPS base smtp smtp_mime)
