"""Why a question or an answer is not taken. Every rule gives a reason."""
