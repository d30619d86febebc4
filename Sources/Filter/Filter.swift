// What a message is judged by: policy, evidence, verdict. Pure: no socket, clock, database; the checks themselves are elsewhere
// (`Archives`, `Scanner`) and hand in what they found.
//
// The words are AMaViS's where it has them (`final_virus_destiny`, `spam_tag2_level`, `banned_names`…).
