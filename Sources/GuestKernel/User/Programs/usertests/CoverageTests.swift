import Apus

let coverageTests: [UserTest] = []
