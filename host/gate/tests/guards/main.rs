//! What the guards refuse, what each refusal says, and that what is refused here is let through once its guard is met.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod approvals;
mod budgets;
mod requirements;
mod rows;
mod scene;
mod shipped;
